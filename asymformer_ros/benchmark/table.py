"""A benchmark as text for the console."""

from __future__ import annotations

from asymformer_ros.benchmark.report import Figures, Report
from asymformer_ros.engines.self_check import percent

#: What the baseline does.
BASELINE = "eager: the plain network in PyTorch, its logits copied to the host, argmax there"


def table(report: Report) -> str:
    """The machine, a row for each contender with samples, and why the others have none."""
    figures = report.figures
    lines = [_heading(report), ""]
    if figures:
        lines += _aligned([_HEADER, *map(_row, figures)])
        lines += ["", *(f"  {note}" for note in _notes(report))]
    if report.failures:
        width = max(len(name) for name, _ in report.failures)
        lines += ["", "Not available, or stopped:"]
        lines += [f"  {name:<{width}}  {reason}" for name, reason in report.failures]
    return "\n".join(lines)


def is_busy(report: Report) -> bool:
    """Whether other processes took enough of the machine to be named beside the figures."""
    return report.other_load > 0.05 * report.machine.cores


def _heading(report: Report) -> str:
    machine, subject = report.machine, report.subject
    height, width = subject.size
    features = f" ({', '.join(machine.cpu_features)})" if machine.cpu_features else ""
    return "\n".join(
        (
            f"{subject.network}, {width}x{height}, weights {subject.weights}, {subject.frames}",
            f"  CPU      {machine.processor} for this process{features}",
            f"  GPU      {machine.gpu or 'none'}",
            f"  system   {machine.system}",
            f"  runtimes {', '.join(f'{n} {v}' for n, v in machine.runtimes.items())}",
            f"  command  {report.command}",
        )
    )


_HEADER = (
    "engine",
    "precision",
    "ms",
    "p10 - p90",
    "x eager",
    "copy in",
    "network",
    "copy out",
    "post",
    "overhead",
    "MB",
    "GPU MB",
    "as float32",
)


def _row(figures: Figures) -> tuple[str, ...]:
    result = figures.result
    return (
        result.contender.name,
        result.precision,
        _ms(figures.median),
        f"{_ms(figures.p10)} - {_ms(figures.p90)}",
        "" if figures.speedup is None else f"{figures.speedup:.2f}",
        *(_ms(stage) for stage in figures.stages),
        f"{figures.overhead:.1%}",
        "" if result.memory_mb is None else f"{result.memory_mb:.0f}",
        "" if result.gpu_memory_mb is None else f"{result.gpu_memory_mb:.0f}",
        "" if figures.agreement is None else percent(figures.agreement),
    )


def _ms(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:.0f}"


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Columns as wide as their widest cell; those without any figure are left out."""
    columns = [column for column in zip(*rows, strict=True) if any(column[1:])]
    padded = [
        [f"{cell:<{_width(column)}}" for cell in column]
        if index < 2
        else [f"{cell:>{_width(column)}}" for cell in column]
        for index, column in enumerate(columns)
    ]
    return ["  " + "  ".join(cells).rstrip() for cells in zip(*padded, strict=True)]


def _width(column: tuple[str, ...]) -> int:
    return max(map(len, column))


def _notes(report: Report) -> list[str]:
    figures, outcome = report.figures, report.outcome
    rounds = max(len(figure.result.samples) for figure in figures)
    notes = [
        f"medians of {rounds} interleaved rounds, host arrays to host labels; "
        "MB: most memory of its own process"
    ]
    if any(figure.result.contender.is_baseline for figure in figures):
        notes.append(BASELINE)
    if any(figure.speedup is None for figure in figures):
        notes.append("no ratios where the baseline of the device (eager) does not run")
    if is_busy(report):
        busy = f"{report.other_load:.1f} cores busy"
        notes.append(f"other processes kept {busy}: measure again on a quiet machine")
    if not outcome.is_complete:
        notes.append("interrupted: not all rounds were run")
    if outcome.float32:
        notes.append(f"as float32: share of the labels equal to those of {outcome.float32}")
    else:
        notes.append("nothing here computes in float32, so no labels are compared")
    if not report.subject.is_trained:
        notes.append("random weights: times hold for trained ones, shares of equal labels do not")
    return notes
