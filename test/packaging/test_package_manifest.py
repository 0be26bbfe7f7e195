"""package.xml, setup.py and the package tell the same story, and rosdep can read it."""

import re
import stat
from pathlib import Path

import pytest

import asymformer_ros

ROOT = Path(__file__).parents[2]
# Each looked up: packages of the Jazzy distribution, and python3-* keys of rosdep's python.yaml.
ROSDEP_KEYS = {
    "ament_cmake",
    "ament_cmake_pytest",
    "ament_cmake_python",
    "builtin_interfaces",
    "cv_bridge",
    "diagnostic_msgs",
    "geometry_msgs",
    "launch",
    "launch_ros",
    "lifecycle_msgs",
    "message_filters",
    "python3-jinja2",
    "python3-numpy",
    "python3-opencv",
    "python3-hypothesis",
    "python3-pytest",
    "python3-pytest-timeout",
    "python3-tqdm",
    "python3-yaml",
    "rcl_interfaces",
    "rclpy",
    "ros2launch",
    "rosidl_default_generators",
    "rosidl_default_runtime",
    "sensor_msgs",
    "std_msgs",
    "std_srvs",
    "tf2_msgs",
    "tf2_py",
    "vision_msgs",
}


@pytest.fixture(scope="module")
def manifest():
    catkin_pkg = pytest.importorskip("catkin_pkg.package", reason="catkin_pkg reads package.xml")
    package = catkin_pkg.parse_package(str(ROOT / "package.xml"))
    package.validate()
    return package


def test_every_dependency_is_a_rosdep_key_that_exists(manifest):
    dependencies = [
        *manifest.buildtool_depends,
        *manifest.build_depends,
        *manifest.exec_depends,
        *manifest.test_depends,
    ]
    assert {dependency.name for dependency in dependencies} <= ROSDEP_KEYS


def test_every_ros_module_that_is_imported_is_declared(manifest):
    declared = {dependency.name for dependency in manifest.exec_depends}
    sources = [*(ROOT / "asymformer_ros").rglob("*.py"), *(ROOT / "launch").glob("*.py")]
    imported = {
        module
        for source in sources
        for module in re.findall(r"^\s*(?:from|import) (\w+)", source.read_text(), re.MULTILINE)
    }
    ros = {name for name in imported if name.endswith(("_msgs", "_srvs", "_interfaces"))}
    others = {"rclpy", "launch", "launch_ros", "cv_bridge", "message_filters", "tf2_py"}
    ros |= imported & others
    assert ros <= declared


def test_the_version_is_the_same_everywhere(manifest):
    (in_setup,) = re.findall(r'\bversion="(.+?)"', (ROOT / "setup.py").read_text())
    assert manifest.version == in_setup == asymformer_ros.__version__


def test_the_messages_are_generated_in_this_package(manifest):
    assert [group.name for group in manifest.member_of_groups] == ["rosidl_interface_packages"]
    cmake = (ROOT / "CMakeLists.txt").read_text()
    for message in (ROOT / "msg").glob("*.msg"):
        assert f"msg/{message.name}" in cmake


def test_every_script_is_executable_and_installed():
    cmake = (ROOT / "CMakeLists.txt").read_text()
    for script in (ROOT / "scripts").iterdir():
        assert script.stat().st_mode & stat.S_IXUSR
        assert f"scripts/{script.name}" in cmake


def test_every_pin_is_exact():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert [pin for pin in pins if not re.fullmatch(r"[\w.-]+==[\w.]+", pin)] == []
