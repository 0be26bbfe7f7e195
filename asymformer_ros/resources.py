"""Where the files that come with the package lie: config/, launch/ and the bundled weights."""

import os
from pathlib import Path

PACKAGE = Path(__file__).parent


def resource(relative: str) -> Path:
    """The file or folder `relative`, for example "config/segment.yaml" or "weights/nano.onnx".

    Found in a source checkout, next to an installation by pip or colcon (share/asymformer_ros of
    the prefix), or in the share folder of the ament index; weights lie in the package itself.
    Raises FileNotFoundError.
    """
    checkout = PACKAGE.parent
    folders = [PACKAGE]
    if (checkout / "package.xml").is_file():
        folders.append(checkout)
    # Set by a sourced workspace; the wheels of rclpy do not set it.
    workspaces = filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep))
    prefixes = [*PACKAGE.parents, *map(Path, workspaces)]
    folders += [prefix / "share" / "asymformer_ros" for prefix in prefixes]
    for folder in folders:
        if (folder / relative).exists():
            return folder / relative
    raise FileNotFoundError(
        f"{relative} of asymformer_ros is neither beside the package at {PACKAGE} nor in a share"
        " folder of its installation: install the package again with pip or colcon."
    )
