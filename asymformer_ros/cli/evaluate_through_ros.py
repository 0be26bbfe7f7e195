"""`asymformer evaluate bag --through-ros`: the recording is played to the real node over DDS."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from asymformer_ros.cli.recording import recording_trial

if TYPE_CHECKING:
    from asymformer_ros.evaluation.received_labels import ReceivedLabels
    from asymformer_ros.evaluation.recordings import Recording
    from asymformer_ros.evaluation.results import FrameCounts, Result
    from asymformer_ros.ros.observer import Observer

_INTERRUPTED = "the play was interrupted"


@dataclass(frozen=True)
class _Play:
    """What came of playing a recording.

    published: images of each stream. published_as: by the stamp of each colour image of the
    recording, the one that it was published under. report: the last that the node said of itself.
    seconds: from the first labels to the last. broken_off: why it did not reach its end, empty if
    it did.
    """

    published: Mapping[str, int]
    published_as: Mapping[int, int]
    report: Mapping[str, str]
    seconds: float
    broken_off: str


def evaluate_through_ros(args: argparse.Namespace, recording: Recording) -> int:
    """Play, then score what the node said; returns the exit code, 0 if the result is whole.

    Labels are held against the truth when the play is over, so that scoring takes nothing from the
    node.
    """
    from asymformer_ros.cli.evaluate import recorded_frames, recording_settings
    from asymformer_ros.cli.evaluation_output import evaluate_source
    from asymformer_ros.engines.choose import load_engine
    from asymformer_ros.evaluation.received_labels import ReceivedLabels
    from asymformer_ros.evaluation.results import Subject
    from asymformer_ros.perception.labels import load_label_space

    print("Loading the network; the recording starts in some seconds ...", flush=True)
    # The node loads them, too; this tells which classes they know, and errors come early.
    loaded = load_engine(args.weights, args.engine, args.cache_dir, args.profile)
    loaded.engine.close()
    space = load_label_space(loaded.label_space)
    source = recorded_frames(args, recording)
    with TemporaryDirectory(prefix=".received-", dir=args.output) as folder:
        received = ReceivedLabels(Path(folder))
        play = _play(args, recording, received, Path(folder), len(space.classes))
        if play.broken_off:
            source.intake.tell(play.broken_off)
        received.published_as(play.published_as)
        code = evaluate_source(
            source,
            received,
            Subject(
                kind="bag",
                mode="through_ros",
                path=str(args.path),
                settings=recording_settings(args, recording),
                weights=args.weights,
                engine=f"{play.report['engine']}, in the node",
                label_space=space.name,
            ),
            space,
            "a colour image's stamp until its labels arrived",
            lambda: None,
            args.output,
            lambda result: _amended(result, play),
        )
    return 130 if play.broken_off == _INTERRUPTED else code


def _play(
    args: argparse.Namespace,
    recording: Recording,
    received: ReceivedLabels,
    folder: Path,
    num_classes: int,
) -> _Play:
    """Play the recording to the node; raises TrialError where nothing came of it."""
    import rclpy

    from asymformer_ros.resources import resource
    from asymformer_ros.ros.observer import Observer
    from asymformer_ros.ros.trial import TrialError, isolate, join

    profile = resource("config/fastdds.xml")
    join(profile) if args.shared_domain else isolate(profile)
    observer = Observer(num_classes, keep=1, on_labels=received.keep)
    seen, account_path = observer.seen, folder / "published.json"
    broken_off = ""
    try:
        _run_trial(args, recording, observer, account_path)
    except (KeyboardInterrupt, TrialError) as error:
        # The camera has written its account all the same, if it had begun to play.
        if not (account_path.is_file() and seen.report and seen.arrival_s):
            raise
        broken_off = " ".join(str(error).split()) or _INTERRUPTED
    finally:
        rclpy.try_shutdown()
    if seen.complaint:
        print(f"the node warned: {seen.complaint}")
    account = json.loads(account_path.read_text())
    return _Play(
        published=account["published"],
        published_as={recorded: int(stamp) for stamp, recorded in account["recorded_ns"].items()},
        report=seen.report,
        seconds=seen.arrival_s[-1] - seen.arrival_s[0] if seen.arrival_s else 0.0,
        broken_off=broken_off,
    )


def _run_trial(
    args: argparse.Namespace, recording: Recording, observer: Observer, account_path: Path
) -> None:
    from tqdm import tqdm

    trial = recording_trial(args, recording, account_path, {"once": True}, {"rotate": args.rotate})
    with tqdm(total=recording.counts["color"], unit="frame", desc="playing", disable=None) as bar:

        def progress(seconds: float) -> None:
            bar.update(int(observer.seen.report.get("received_color", 0)) - bar.n)

        trial.run(observer, progress)


def _amended(result: Result, play: _Play) -> Result:
    """With what the run over the labels cannot know."""
    frames = _counted(result, play)
    result = replace(result, frames=frames, seconds=play.seconds)
    if not play.broken_off:
        return result
    # What was not played was not dropped by the node.
    return replace(result, complete=False, scores_with_drops=None)


def _counted(result: Result, play: _Play) -> FrameCounts:
    """What became of the published images, as the node tells it."""
    from asymformer_ros.evaluation.results import FrameCounts
    from asymformer_ros.evaluation.run import BROKEN_OFF

    def dropped(prefix: str) -> dict[str, int]:
        return {
            key.removeprefix(prefix): int(number)
            for key, number in play.report.items()
            if key.startswith(prefix) and int(number)
        }

    published = play.published.get("color", 0)
    colors = dropped("dropped.")
    if not play.broken_off:
        colors["lost_in_transport"] = published - int(play.report["received_color"])
    # A node that was ended in the middle has not told of its last second.
    rest = "labels_lost" if not play.broken_off else BROKEN_OFF
    colors[rest] = max(0, published - result.frames.segmented - sum(colors.values()))
    return FrameCounts(
        received_color=published,
        received_depth=int(play.report["received_depth"]),
        segmented=result.frames.segmented,
        scored=result.frames.scored,
        dropped={cause: number for cause, number in colors.items() if number},
        dropped_depth=dropped("dropped_depth."),
    )
