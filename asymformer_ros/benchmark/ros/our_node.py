"""The package's own node, with a stub in the place of its engine."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection

from asymformer_ros.benchmark.ros.participant import on_request
from asymformer_ros.benchmark.ros.stub_engine import NEVER_S, StubEngine
from asymformer_ros.engines.choose import LoadedEngine
from asymformer_ros.engines.failover import Candidate, FailoverEngine
from asymformer_ros.ros.node import main


def serve(connection: Connection, inference_s: float, on_one_core: bool) -> None:
    """Run the node until asked to end; its last answer are the stub's `returned_ns`."""
    if on_one_core:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    stub = StubEngine(inference_s)

    def load_engine(*arguments: str) -> LoadedEngine:
        chain = [Candidate(stub.name, lambda: stub)]
        return LoadedEngine(FailoverEngine(chain, stub.check_frame, hang_limit_s=NEVER_S))

    def end() -> None:
        stub.release()
        _interrupt()

    connection.send("ready")
    on_request(connection, end)
    if code := main(["segmentation_node"], load_engine):
        sys.exit(code)
    connection.send(stub.returned_ns)


def serve_real(connection: Connection, parameters: Mapping[str, object]) -> None:
    """Run the node with its own engine until asked to end."""
    connection.send("ready")
    on_request(connection, _interrupt)
    arguments = ["segmentation_node", "--ros-args"]
    for name, value in parameters.items():
        # JSON is YAML: quoted, a path that looks like a number or holds a colon stays text.
        arguments += ["-p", f"{name}:={json.dumps(value, ensure_ascii=False)}"]
    if code := main(arguments):
        sys.exit(code)
    connection.send("ended")


def _interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)
