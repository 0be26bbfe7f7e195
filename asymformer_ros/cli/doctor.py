"""`asymformer doctor`: what runs here, what does not, and why."""

from __future__ import annotations

import argparse

from asymformer_ros.cli.arguments import add_weights

_MEGABYTE = 1e6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    add_weights(parser)


def run(args: argparse.Namespace) -> int:
    """Try every engine and print what was found; returns the exit code, 1 if none works."""
    from asymformer_ros.benchmark.machine import this_machine
    from asymformer_ros.engines.cache import EngineCache
    from asymformer_ros.engines.candidates import candidates
    from asymformer_ros.engines.choose import check_frame_of
    from asymformer_ros.engines.engine import first_line
    from asymformer_ros.engines.failover import open_checked
    from asymformer_ros.engines.model import Model
    from asymformer_ros.engines.self_check import percent
    from asymformer_ros.network.profile import CheckpointError

    machine = this_machine()
    versions = (f"{name} {version}" for name, version in machine.runtimes.items())
    print(f"CPU       {machine.processor} for this process")
    print(f"GPU       {machine.gpu or 'none'}")
    print(f"system    {machine.system}")
    print(f"packages  {', '.join(versions)}")

    cache = EngineCache(args.cache_dir)
    model = Model(args.weights, args.profile, cache)
    check_frame = check_frame_of(model)
    works = 0
    print(f"\nengines for {args.weights}, in the order in which 'auto' takes them")
    for candidate in candidates(model, "auto"):
        try:
            checked = open_checked(candidate, check_frame)
        except CheckpointError:
            raise  # no engine can run these weights
        except Exception as error:
            print(f"  {candidate.name:<17} no   {first_line(error)}")
        else:
            print(f"  {candidate.name:<17} yes  self-check {percent(checked.agreement)}")
            works += 1
            checked.thread.close()

    fault = cache.fault()
    print(f"\ncache {cache.folder}{f': takes no files ({fault})' if fault else ''}")
    for entry in cache.entries():
        state = "" if entry.whole else "  damaged: it will be made again"
        print(f"  {entry.size / _MEGABYTE:9.1f} MB  {entry.name}{state}")
    return 0 if works else 1
