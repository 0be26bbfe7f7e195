"""`asymformer evaluate`: figures and pictures of a recording, a data set or simulated rooms."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from asymformer_ros.cli.arguments import (
    add_weights,
    depth_unit,
    positive_integer,
)
from asymformer_ros.cli.recording import add_recording, open_described
from asymformer_ros.engines.engine import Engine, EngineError

if TYPE_CHECKING:
    from asymformer_ros.evaluation.frames import FrameSource
    from asymformer_ros.evaluation.labelled_frames import LabelledFrames
    from asymformer_ros.evaluation.recorded_frames import RecordedFrames
    from asymformer_ros.evaluation.recordings import Recording

_ROOM_SIZE = (640, 480)
#: As the node's parameter sync.queue_size.
_QUEUE_SIZE = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    _add_bag(what.add_parser("bag", help="a recording: a bag of ROS 1 or 2, or a folder of images"))
    _add_dataset(what.add_parser("dataset", help="NYUv2 or SUN RGB-D"))
    _add_rooms(what.add_parser("rooms", help="views of simulated rooms"))


def _add_bag(parser: argparse.ArgumentParser) -> None:
    add_recording(parser)
    truth = parser.add_mutually_exclusive_group()
    truth.add_argument("--label-topic", default="", help="truth in a bag, mono8 or PNG; 255 = void")
    truth.add_argument(
        "--labels", type=Path, help="truth as a folder of 8-bit PNGs, named by the colour's stamp"
    )
    parser.add_argument(
        "--rotate", type=int, choices=(0, 90, 180, 270), default=0, help="as the node's: 0"
    )
    parser.add_argument(
        "--through-ros",
        action="store_true",
        help="play it to the real node over DDS at the recorded rate",
    )
    parser.add_argument(
        "--shared-domain",
        action="store_true",
        help="with --through-ros: in this shell's ROS domain, for RViz and others to watch",
    )
    _add_common(parser)


def _add_dataset(parser: argparse.ArgumentParser) -> None:
    from asymformer_ros.evaluation.datasets import LAYOUTS
    from asymformer_ros.perception.depth_unit import DEPTH_UNITS

    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "layouts:\n" + "\n".join(f"  {name:<15} {of}" for name, of in LAYOUTS.items())
    parser.add_argument("path", type=Path, metavar="PATH", help="folder, or .mat file")
    parser.add_argument("--layout", required=True, choices=tuple(LAYOUTS), help="how it lies there")
    parser.add_argument("--split", default="test", choices=("train", "test"), help="default test")
    parser.add_argument(
        "--depth-unit",
        type=depth_unit,
        help=f"{', '.join(DEPTH_UNITS)} or the metres of one step; default: the layout's",
    )
    parser.add_argument(
        "--multi-scale",
        action="store_true",
        help="sum the logits at 1.0, 1.2 and 1.4 times the size, as the paper's; needs PyTorch",
    )
    parser.add_argument(
        "--flip", action="store_true", help="add those of the mirrored frame; needs PyTorch"
    )
    _add_common(parser)


def _add_rooms(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("count", type=positive_integer, metavar="COUNT", help="one view of each")
    _add_common(parser)


def _add_common(parser: argparse.ArgumentParser) -> None:
    add_weights(parser)
    parser.add_argument("--engine", default="auto", help="engine (default auto)")
    parser.add_argument(
        "--output", type=Path, default=Path("evaluation"), help="folder (default evaluation)"
    )


def run(args: argparse.Namespace) -> int:
    """Evaluate; returns the exit code, 0 if nothing was lost."""
    # Before the engine, which takes seconds, and all that follows.
    args.output.mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=args.output):
        pass
    return {"bag": _bag, "dataset": _dataset, "rooms": _rooms}[args.what](args)


def _bag(args: argparse.Namespace) -> int:
    from asymformer_ros.evaluation.recordings import RecordingError

    recording = open_described(args)
    if args.shared_domain and not args.through_ros:
        raise RecordingError("--shared-domain belongs to --through-ros: give both")
    if args.through_ros:
        from asymformer_ros.cli.evaluate_through_ros import evaluate_through_ros

        return evaluate_through_ros(args, recording)
    settings = recording_settings(args, recording)
    return _evaluate(args, recorded_frames(args, recording), settings, args.rotate)


def recorded_frames(args: argparse.Namespace, recording: Recording) -> RecordedFrames:
    """The frames of a recording, paired as the arguments say."""
    from asymformer_ros.evaluation.recorded_frames import RecordedFrames, truths_of

    truths = truths_of(recording, args.labels)
    return RecordedFrames(recording, truths, round(args.slop * 1e9), _QUEUE_SIZE)


def recording_settings(args: argparse.Namespace, recording: Recording) -> dict[str, str]:
    """What the figures of a recording depend on, by name."""
    settings: dict[str, str] = {stream: name for stream, name in recording.sources.items()}
    settings["slop"] = f"{args.slop} s"
    if args.labels is not None:
        settings["labels"] = str(args.labels)
    if args.rotate:
        settings["rotate"] = f"{args.rotate} degrees"
    if args.profile:
        settings["profile"] = args.profile
    if args.path.is_dir() and recording.sources["color"].endswith("/"):  # files have no stamps
        settings["rate"] = f"{args.rate:g} Hz"
    return settings


def _dataset(args: argparse.Namespace) -> int:
    from asymformer_ros.evaluation.datasets import open_dataset

    return _labelled(args, open_dataset(args.path, args.layout, args.split, args.depth_unit))


def _rooms(args: argparse.Namespace) -> int:
    from asymformer_ros.evaluation.simulated_frames import simulated_frames

    return _labelled(args, simulated_frames(range(args.count), *_ROOM_SIZE))


def _labelled(args: argparse.Namespace, labelled: LabelledFrames) -> int:
    from asymformer_ros.evaluation.labelled_source import LabelledSource

    settings = {**labelled.settings, **({"profile": args.profile} if args.profile else {})}
    return _evaluate(args, LabelledSource(labelled), settings, labels=labelled.label_space)


def _evaluate(
    args: argparse.Namespace,
    source: FrameSource,
    settings: Mapping[str, str],
    rotate: int = 0,
    labels: str = "",
) -> int:
    """Evaluate a source offline; labels: name of the classes of its truth, empty: the network's."""
    from asymformer_ros.cli.evaluation_output import evaluate_source
    from asymformer_ros.evaluation.labelled_frames import DatasetError
    from asymformer_ros.evaluation.results import Subject
    from asymformer_ros.evaluation.run import EngineAnswers
    from asymformer_ros.perception.labels import load_label_space
    from asymformer_ros.perception.segmenter import Segmenter

    engine, sentence = _open_engine(args)
    try:
        space = load_label_space(engine.profile.label_space)
        if labels and labels != space.name:
            raise DatasetError(
                f"the truth has the classes of {labels}, {args.weights} those of {space.name}: "
                "they cannot be compared"
            )
        answers = EngineAnswers(Segmenter(engine, rotate).segment, lambda: sum(engine.stages))
        return evaluate_source(
            source,
            answers,
            Subject(
                kind=args.what,
                mode="offline",
                path=str(getattr(args, "path", "")),
                settings=settings,
                weights=args.weights,
                engine=sentence,
                label_space=space.name,
            ),
            space,
            "a decoded pair until its labels",
            lambda: answers.engine_s,
            args.output,
        )
    finally:
        engine.close()


def _open_engine(args: argparse.Namespace) -> tuple[Engine, str]:
    """The engine, and a sentence about it."""
    scales = getattr(args, "multi_scale", False)
    flip = getattr(args, "flip", False)
    if not (scales or flip):
        from asymformer_ros.engines.choose import load_engine

        loaded = load_engine(args.weights, args.engine, args.cache_dir, args.profile)
        print(f"engine: {loaded.sentence}", flush=True)
        return loaded.engine, loaded.chosen
    if args.engine not in ("auto", "torch"):
        raise EngineError("--multi-scale and --flip run in PyTorch: leave --engine out")
    from asymformer_ros.engines.cache import EngineCache
    from asymformer_ros.engines.model import Model
    from asymformer_ros.engines.packages import require_packages

    model = Model(args.weights, args.profile, EngineCache(args.cache_dir))
    require_packages(model.cache, "torch", "safetensors")
    from asymformer_ros.evaluation.multi_scale import OFFICIAL_SCALES, open_multi_scale

    engine = open_multi_scale(model, OFFICIAL_SCALES if scales else (1.0,), flip)
    print(f"engine: {engine.name} {engine.precision}", flush=True)
    return engine, f"{engine.name} {engine.precision}"
