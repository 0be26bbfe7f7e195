"""Refuse, in one sentence, a Python that has no ROS 2 wheels; runs on any Python, however old."""

import platform
import sys

version = "%d.%d" % sys.version_info[:2]
machine = sys.platform + " " + platform.machine()
if version not in ("3.10", "3.11", "3.12", "3.13"):
    sys.exit(
        "Python 3.10 to 3.13 is needed, and this is " + version + ": name another one, for example"
        " `make demo PYTHON=python3.12`."
    )
if machine != "linux x86_64":
    sys.exit(
        "ROS 2 exists as Python wheels for Linux on x86_64 only, and this is " + machine + ": build"
        " the package in a ROS 2 workspace, as README.md shows."
    )
