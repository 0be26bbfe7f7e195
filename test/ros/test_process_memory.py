"""What images free stays with the process."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PAGE_FAULTS_OF_A_HUNDRED_IMAGES = """
import resource
from asymformer_ros.ros.process_memory import keep_freed_memory
if {keeps}:
    keep_freed_memory()
size = 640 * 480 * 3
bytearray(size)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    bytearray(size)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(keeps):
    script = PAGE_FAULTS_OF_A_HUNDRED_IMAGES.format(keeps=keeps)
    return int(
        subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout
    )


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="malloc can be told so in glibc only")
def test_images_reuse_the_memory_of_those_before():
    assert page_faults(keeps=True) < 100
    assert page_faults(keeps=True) < page_faults(keeps=False) / 10
