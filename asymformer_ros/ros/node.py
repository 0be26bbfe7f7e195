"""The segmentation node as a process: from its start to a signal."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from contextlib import suppress
from typing import NoReturn

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from asymformer_ros.perception.frame_drops import sentence_of
from asymformer_ros.ros.forwarded_log import forwarded_to
from asymformer_ros.ros.process_end import EndRequest
from asymformer_ros.ros.process_memory import keep_freed_memory
from asymformer_ros.ros.segmentation_node import EngineLoader, SegmentationNode

_LOG_PERIOD_S = 10.0


def program() -> NoReturn:
    """The node as a process of its own: ends it with the exit code of `main`."""
    # To the very end: ros2 launch and the terminal each send a SIGINT.
    with EndRequest() as end:
        code = _run(None, None, end)
        # The node is part of a cycle, and until it is freed its shared memory stays.
        gc.collect()
        # Python's streams, and those of C, to which the ROS log is written.
        with suppress(OSError):  # nobody reads them
            if sys.stdout is not None:  # closed by whoever started this
                sys.stdout.flush()
        ctypes.CDLL(None).fflush(None)
        # Not sys.exit: a thread that is still loading an engine would abort the process.
        os._exit(code)


def main(args: list[str] | None = None, load_engine: EngineLoader | None = None) -> int:
    """Run the node until SIGINT or SIGTERM; returns the exit code, 1 if it cannot be configured."""
    with EndRequest() as end:
        return _run(args, load_engine, end)


def _run(args: list[str] | None, load_engine: EngineLoader | None, end: EndRequest) -> int:
    keep_freed_memory()
    try:
        # Not rclpy's handlers: they end all communication before the last report is out.
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
        node = SegmentationNode(load_engine)
    except (ParameterException, RuntimeError) as error:
        print(f"segmentation_node: {sentence_of(error)}", file=sys.stderr)
        rclpy.try_shutdown()
        return 1
    try:
        with forwarded_to(node.get_logger()):
            return _spin(node, end)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def _spin(node: SegmentationNode, end: EndRequest) -> int:
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    end.with_parent = node.get_parameter("exit_with_parent").value
    end.may_interrupt = lambda: node.is_configuring
    # A task and not wake(): spin_once only returns when it has had something to do.
    end.wake = lambda: executor.create_task(lambda: None)
    try:
        if node.get_parameter("autostart").value and not node.start():
            return 1
        while not end.requested and rclpy.ok():
            _spin_once(executor, node)
    except KeyboardInterrupt:
        node.get_logger().info("interrupted while it was being configured")
    finally:
        end.may_interrupt, end.wake = lambda: False, lambda: None
        node.end()
        executor.shutdown()
    return 0


def _spin_once(executor: SingleThreadedExecutor, node: SegmentationNode) -> None:
    try:
        executor.spin_once()
    except ExternalShutdownException:
        pass
    except Exception as error:
        # rclpy raises here when a lifecycle transition is asked for that the state does not allow.
        node.get_logger().error(sentence_of(error), throttle_duration_sec=_LOG_PERIOD_S)
