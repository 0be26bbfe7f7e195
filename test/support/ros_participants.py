"""Processes for runs over DDS that need no DDS; importable in the processes that are started."""

import sys
import time


def echo(connection):
    """Ready at once, then answers what it is asked, and at the end how much that was."""
    connection.send("ready")
    count = 0
    for question in iter(connection.recv, None):
        connection.send(question)
        count += 1
    connection.send(count)


def fail(connection):
    """Ready, then ends with words on its error output and code 3."""
    connection.send("ready")
    connection.recv()
    for line in range(9):
        print(f"line {line}", file=sys.stderr)
    sys.exit(3)


def compute(connection):
    """Computes for the seconds of CPU that it is asked for; answers how many they were."""
    seconds = connection.recv()
    started_s = time.process_time()
    while time.process_time() - started_s < seconds:
        pass
    connection.send(time.process_time() - started_s)


def never_answer(connection):
    """Waits for the end of the parent."""
    connection.poll(None)
