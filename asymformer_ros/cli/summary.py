"""The figures of a trial as a table."""

from __future__ import annotations

import numpy as np

from asymformer_ros.ros.observer import Observations


def summary(seen: Observations, published: int) -> list[tuple[str, str]]:
    """Rows (what, figure) of a trial in which the camera published that many frames.

    published = paired + dropped before pairing, paired = segmented + dropped after it; a frame that
    is neither shows as missing.
    """
    count = {key: int(value) for key, value in seen.report.items() if value.isdecimal()}
    dropped = {
        key.removeprefix("dropped."): value
        for key, value in count.items()
        if key.startswith("dropped.")
    }
    dropped["lost_in_transport"] = published - count["received_color"]
    rows = [
        ("frames published", str(published)),
        ("frames paired", str(count["paired"])),
        ("frames segmented", str(count["segmented"])),
        ("frames dropped", str(sum(dropped.values()))),
    ]
    rows += [(f"  {cause}", str(number)) for cause, number in sorted(dropped.items()) if number]
    rows.append(
        (
            "published - segmented - dropped",
            str(published - count["segmented"] - sum(dropped.values())),
        )
    )
    arrival = seen.arrival_s
    if len(arrival) > 1 and (span := arrival[-1] - arrival[0]) > 0:
        rows.append(("frames a second", f"{(len(arrival) - 1) / span:.1f}"))
    if arrival:
        p50, p95, p99 = np.percentile(seen.latency_ms, [50, 95, 99])
        rows.append(("camera stamp to label, ms", f"p50 {p50:.0f}  p95 {p95:.0f}  p99 {p99:.0f}"))
    rows.append(("engine", seen.report["engine"]))
    if "inference_ms.p50" in seen.report:
        rows.append(("inference, ms", f"median {seen.report['inference_ms.p50']}"))
    if seen.scored:
        scores = seen.confusion.scores()
        present = int((~np.isnan(scores.iou)).sum())
        rows.append(("frames scored", str(seen.scored)))
        rows.append(("mIoU, classes in view", f"{scores.mean_iou_present:.1%}"))
        rows.append(("pixel accuracy", f"{scores.pixel_accuracy:.1%}"))
        rows.append(("classes seen or predicted", str(present)))
    return rows


def table(rows: list[tuple[str, str]]) -> str:
    """Rows as aligned text."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in rows)
