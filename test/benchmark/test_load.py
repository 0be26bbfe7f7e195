"""Other processes on the machine do not go unnoticed."""

import subprocess
import sys
import time

from asymformer_ros.benchmark.load import OtherLoad

COMPUTES = """
import sys, time
while time.process_time() < 1.0: pass
print("done", flush=True)
sys.stdin.read()
"""


def test_what_another_process_computes_is_counted():
    started = time.monotonic()
    load = OtherLoad()
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", COMPUTES], stdin=pipe, stdout=pipe) as other:
        assert other.stdout.readline() == b"done\n"
        assert load.cores() * (time.monotonic() - started) > 0.5
        other.stdin.close()
