"""Point the CMake files of the ROS wheels at this Python: they name the machine that built them."""

import re
import sys
import sysconfig
from pathlib import Path

import numpy

BUILDER = r"/opt/python/cp\d+-cp\d+"
PATHS = {
    BUILDER + r"/include/python3\.\d+": sysconfig.get_path("include"),
    BUILDER + r"/lib/python3\.\d+/site-packages/numpy/_core/include": numpy.get_include(),
}

if __name__ == "__main__":
    if not (Path(sysconfig.get_path("include")) / "Python.h").is_file():
        sys.exit(
            "Python.h is missing, so the ROS message cannot be compiled: install Python's headers"
            " (Debian and Ubuntu: sudo apt install python3-dev)."
        )
    for cmake_file in (Path(sys.prefix) / "share").rglob("*.cmake"):
        text = local = cmake_file.read_text(encoding="utf-8")
        for pattern, path in PATHS.items():
            local = re.sub(pattern, path, local)
        if local != text:
            cmake_file.write_text(local, encoding="utf-8")
