"""Keeps a node's callbacks running until the parent wants no more of it."""

from __future__ import annotations

import threading
from multiprocessing.connection import Connection

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from asymformer_ros.benchmark.ros.participant import on_request


def spin_until_asked(node: Node, connection: Connection) -> None:
    """Spin until the parent sends something or is gone, then end the node and rclpy."""
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    asked = threading.Event()

    def end() -> None:
        asked.set()
        # Not wake(): spin_once only returns when it has had something to do.
        executor.create_task(lambda: None)

    on_request(connection, end)
    while not asked.is_set():
        executor.spin_once()
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown()
