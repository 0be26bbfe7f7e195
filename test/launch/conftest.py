"""What the tests of launch files share."""

import os
import subprocess
import sys

import pytest

from asymformer_ros.resources import resource

_PROFILE = "FASTRTPS_DEFAULT_PROFILES_FILE"
_EXECUTABLES = (
    ("asymformer_ros", "segmentation_node"),
    ("asymformer_ros", "asymformer"),
    ("rviz2", "rviz2"),
)
_STAND_IN = """#!{python}
import json, os, pathlib, sys
profile = os.environ.get("FASTRTPS_DEFAULT_PROFILES_FILE")
pathlib.Path("{record}").write_text(json.dumps({{"argv": sys.argv[1:], "profile": profile}}))
"""


@pytest.fixture
def start_ros2_launch(tmp_path):
    """Start `ros2 launch` on a file of launch/ with arguments.

    Executables are scripts that write down their command lines and environments as JSON.
    """
    prefix = tmp_path / "prefix"
    index = prefix / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    for package, executable in _EXECUTABLES:
        (index / package).touch()
        script = prefix / "lib" / package / executable
        script.parent.mkdir(parents=True, exist_ok=True)
        record = tmp_path / f"{executable}.json"
        script.write_text(_STAND_IN.format(python=sys.executable, record=record))
        script.chmod(0o755)

    def start(file, *arguments, environment=None):
        command = "import sys; from ros2cli.cli import main; sys.exit(main())"
        path = str(resource(f"launch/{file}"))
        others = {name: value for name, value in os.environ.items() if name != _PROFILE}
        return subprocess.Popen(
            [sys.executable, "-c", command, "launch", path, *arguments],
            env={
                **others,
                "AMENT_PREFIX_PATH": os.pathsep.join(
                    filter(None, [str(prefix), os.environ.get("AMENT_PREFIX_PATH")])
                ),
                "PYTHONPATH": os.pathsep.join(sys.path),
                "ROS_LOG_DIR": str(tmp_path / "log"),
                **(environment or {}),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=tmp_path,  # `python -c` would import what lies in the checkout
        )

    return start


@pytest.fixture
def ros2_launch(start_ros2_launch):
    """The same to its end."""

    def run(*arguments, environment=None):
        with start_ros2_launch(*arguments, environment=environment) as process:
            said, _ = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, said)

    return run
