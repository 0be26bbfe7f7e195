"""What may change while the node runs: checked as a whole before any of it counts."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asymformer_ros.perception.labels import (
    Labelling,
    LabelSpace,
    LabelSpaceError,
    load_label_space,
    load_labelling,
)
from asymformer_ros.perception.refine import OutputOptions, mask_table
from asymformer_ros.ros.parameters import DEFAULT_MASK_CLASSES

_LOG = logging.getLogger(__name__)

#: Why a pair is not even handed to the worker.
DISABLED = "disabled"  # the parameter `enabled` is false
RATE_LIMITED = "rate_limited"  # more frames came than `max_rate` allows
# A frame that comes this share of a period early is still in time: stamps and threads jitter.
_EARLY = 0.1


@dataclass(frozen=True)
class LiveSettings:
    """The values in force; max_rate_hz: infinity where there is no limit."""

    enabled: bool
    max_rate_hz: float
    options: OutputOptions


def network_space(name: str, num_classes: int, wanted: str) -> LabelSpace:
    """The classes of a network.

    name: what the weights call them; num_classes: how many they have; wanted: the parameter
    `label_space`, which serves for weights that name no known classes. Raises LabelSpaceError.
    """
    unfit = []
    for candidate in filter(None, (name, wanted)):
        try:
            space = load_label_space(candidate)
        except LabelSpaceError as error:
            unfit.append(str(error))
            continue
        if len(space.classes) == num_classes:
            return space
        unfit.append(f"label space {candidate} has {len(space.classes)}")
    raise LabelSpaceError(
        f"the weights have {num_classes} classes, but {'; '.join(unfit)}: "
        "set label_space to a file that lists theirs"
    )


class LiveParameters:
    """Holds the settings in force and takes changes of the parameters.

    network: the classes of the engine's labels. values: of all live parameters. announce: called
    with the options at the start and whenever the labels mean something else. Raises
    LabelSpaceError or ValueError.
    """

    def __init__(
        self,
        network: LabelSpace,
        values: Mapping[str, Any],
        announce: Callable[[OutputOptions], None],
    ) -> None:
        self._network = network
        self._values = dict(values)
        self._announce = announce
        self._labelling = load_labelling(self._values["label_space"], network)
        self.current = self._settings()
        announce(self.current.options)
        self._tell_if_nothing_is_masked()

    def take(self, changed: Mapping[str, Any]) -> None:
        """Take new values, all or none; raises LabelSpaceError or ValueError."""
        before = self._values, self._labelling
        self._values = {**self._values, **changed}
        try:
            # Setting it to the same name again reads the file anew.
            if "label_space" in changed:
                self._labelling = load_labelling(self._values["label_space"], self._network)
            self.current = self._settings()
        except Exception:
            self._values, self._labelling = before
            raise
        if changed.keys() & {"label_space", "min_confidence"}:
            self._announce(self.current.options)
        if changed.keys() & {"label_space", "mask_classes"}:
            self._tell_if_nothing_is_masked()

    def _tell_if_nothing_is_masked(self) -> None:
        options, names = self.current.options, self._values["mask_classes"]
        if any(names) and not options.mask_classes.any():
            space = options.labelling.space.name
            _LOG.info("semantic/mask stays empty: %s has no %s", space, ", ".join(names))

    def _settings(self) -> LiveSettings:
        values, labelling = self._values, self._labelling
        return LiveSettings(
            enabled=values["enabled"],
            max_rate_hz=values["max_rate"] or math.inf,
            options=OutputOptions(
                labelling=labelling,
                mask_classes=self._mask_table(values["mask_classes"], labelling),
                min_confidence=values["min_confidence"],
                drop_without_depth=values["drop_without_depth"],
                stride=values["output_stride"],
                overlay_alpha=values["overlay_alpha"],
            ),
        )

    def _mask_table(self, names: Sequence[str], labelling: Labelling) -> NDArray[np.uint8]:
        space = labelling.space
        names = [name for name in names if name]
        if names == DEFAULT_MASK_CLASSES and not set(names) & set(space.classes):
            names = []
        try:
            return mask_table(labelling, names)
        except LabelSpaceError as error:
            raise LabelSpaceError(
                f"mask_classes: {error}; to change label_space as well, set mask_classes to [''] "
                "first"
            ) from error


class Admission:
    """Decides which pairs go to the worker; clock: seconds, steady."""

    def __init__(self, live: LiveParameters, clock: Callable[[], float] = time.monotonic) -> None:
        self._live = live
        self._clock = clock
        self._last_s = -math.inf

    def refuse(self) -> str | None:
        """Why the pair that is here now is dropped, None if it may pass."""
        settings = self._live.current
        if not settings.enabled:
            return DISABLED
        now_s, period_s = self._clock(), 1.0 / settings.max_rate_hz
        due_s = self._last_s + period_s
        if now_s < due_s - _EARLY * period_s:
            return RATE_LIMITED
        # Counted from when it was due, so that the rate is met on average; but no catching up.
        self._last_s = due_s if now_s - due_s < period_s else now_s
        return None
