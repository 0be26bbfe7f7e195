"""Labels and confidence at full size from a smaller map of log-probabilities, on the host.

A *block* is what lies between four neighbouring cells of the map, its corners: step x step pixels
that are convex combinations of these four. At the image's edges corners are repeated, so that a map
of h x w cells has (h + 1) x (w + 1) blocks, of which the outer ones stick out of the image.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.engines.engine import EngineError
from asymformer_ros.perception.frames import UNLABELLED

#: The classes of so many cells stay in a core's cache between two passes over them.
_CELLS_AT_ONCE = 1 << 14
#: Contenders are sought among log-probabilities rounded to 1/32, all below -8 taken as equal.
_LOWEST, _PER_NAT = -8.0, 32.0
#: A rest of probability below this is rounding: float32 does not tell one minus it from one.
_SMALLEST_REST = 2.0**-24


def labels_and_confidence(
    log_probabilities: NDArray[np.float32], size: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Upsample bilinearly and take the largest class of each pixel; the lower one of equals.

    log_probabilities: float32 [classes, h, w]. size: height and width of the result, whole
    multiples of h and w; EngineError if not. Returns (labels, confidence), uint8 [H, W] each.
    Labels are exactly those of the full [classes, H, W] volume, which never exists: a block whose
    corners have one top class has it everywhere, and the others are interpolated for the classes
    that can win there. Confidence is the label's share in the soft-max of that volume, times 255;
    the classes that cannot win a block count there as one class with their joint probability at the
    corners. This makes them no less probable (Hoelder's inequality), and confidence never higher
    than the soft-max, nor lower than 1 / classes. Blocks with a NaN at a corner are unlabelled with
    confidence 0.
    """
    classes, height, width = log_probabilities.shape
    steps = size[0] // height, size[1] // width
    if size != (height * steps[0], width * steps[1]) or 0 in steps or classes > UNLABELLED:
        raise EngineError(
            f"log-probabilities {log_probabilities.shape} do not fit a frame of {size}: give at "
            "most 255 classes on a map of which the frame is a whole multiple"
        )
    volume = np.ascontiguousarray(log_probabilities, np.float32)
    top, label = _top(volume)
    if steps == (1, 1):
        confidence = _bytes(_exp(top))
        confidence[label == UNLABELLED] = 0
        return label, confidence
    highest = _over_corners(np.maximum, label)
    failed = highest == UNLABELLED
    mixed = (highest != _over_corners(np.minimum, label)) & ~failed
    labels = highest.repeat(steps[1], axis=1).repeat(steps[0], axis=0)
    confidence = np.zeros_like(labels)
    above, left = (steps[0] + 1) // 2, (steps[1] + 1) // 2
    image = np.s_[above : above + size[0], left : left + size[1]]
    odds_against = _log_rest(1.0 - _exp(top)) - top
    upsampled = cv2.resize(odds_against, size[::-1], interpolation=cv2.INTER_LINEAR)
    total = _exp(np.asarray(upsampled, np.float32), in_place=True)
    total += 1.0
    confidence[image] = _bytes(np.reciprocal(total, out=total))
    if mixed.any():
        rows, columns, contenders = _contenders(volume, mixed)
        winner, share = _interpolate(volume, rows, columns, contenders, steps)
        for canvas, pixels in ((labels, winner), (confidence, _bytes(share))):
            _write(canvas, rows, columns, pixels, steps)
    if failed.any():  # OpenCV promises no number for a NaN
        confidence[labels == UNLABELLED] = 0
    return np.ascontiguousarray(labels[image]), np.ascontiguousarray(confidence[image])


def _top(volume: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Largest log-probability of each cell and its class, [h, w]; NaN and 255 where one is NaN."""
    classes = volume.shape[0]
    cells = volume.reshape(classes, -1)
    top = np.empty(cells.shape[1], np.float32)
    label = np.empty(cells.shape[1], np.uint8)
    # Counted down, the first of equal classes is the largest; argmax takes five times as long.
    countdown = np.arange(classes, 0, -1, dtype=np.uint8)[:, None]
    for start in range(0, cells.shape[1], _CELLS_AT_ONCE):
        some = np.s_[start : start + _CELLS_AT_ONCE]
        cells[:, some].max(axis=0, out=top[some])
        is_top = (cells[:, some] == top[some]).view(np.uint8)
        is_top *= countdown
        is_top.max(axis=0, out=label[some])
    failed = label == 0
    np.subtract(classes, label, out=label)
    label[failed] = UNLABELLED
    return top.reshape(volume.shape[1:]), label.reshape(volume.shape[1:])


def _bytes(probabilities: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray(cv2.convertScaleAbs(probabilities, alpha=255.0), np.uint8)


def _exp(exponents: NDArray[np.float32], in_place: bool = False) -> NDArray[np.float32]:
    return np.asarray(cv2.exp(exponents, dst=exponents if in_place else None), np.float32)


def _log_rest(rest: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logarithm of what the probabilities of some classes leave of one."""
    return np.asarray(cv2.log(np.maximum(rest, np.float32(_SMALLEST_REST))), np.float32)


def _over_corners(extreme: np.ufunc, label: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Largest or smallest label at the corners of each block, [h + 1, w + 1]."""
    padded = cv2.copyMakeBorder(label, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    pairs = extreme(padded[:-1], padded[1:])
    return np.asarray(extreme(pairs[:, :-1], pairs[:, 1:]), np.uint8)


def _contenders(
    volume: NDArray[np.float32], mixed: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.intp], list[NDArray[np.intp]]]:
    """The classes that can win a pixel of the mixed blocks.

    mixed: bool [h + 1, w + 1]. Returns rows and columns of the mixed blocks, those with the most
    contenders first, and the contenders in ascending order: the first one of every block, the
    second one of the blocks that have two, and so on.
    """
    classes, height, width = volume.shape
    # Distance below certainty as bytes, with the map's edges repeated.
    distance = np.empty((classes, height + 2, width + 2), np.uint8)
    clipped = np.empty((height, width), np.float32)
    for values, into in zip(volume, distance, strict=True):
        np.clip(values, _LOWEST, 0.0, out=clipped)
        cv2.convertScaleAbs(clipped, dst=into[1:-1, 1:-1], alpha=_PER_NAT)
    distance[:, 0], distance[:, -1] = distance[:, 1], distance[:, -2]
    distance[:, :, 0], distance[:, :, -1] = distance[:, :, 1], distance[:, :, -2]
    # No class gets nearer than its nearest corner, and the winner gets at least as near as the
    # farthest corner of any class. Rounding keeps this order, so no contender is lost.
    nearest = _over_windows(np.minimum, distance)
    reached = _over_windows(np.maximum, distance).min(axis=0)
    wanted = np.zeros((height + 2, width + 2), np.bool_)
    wanted[:-1, :-1] = mixed
    possible = nearest <= reached
    possible &= wanted.ravel()

    label, block = np.divmod(np.flatnonzero(possible), wanted.size)
    # Integers of 16 bits, enough for 480x640, are sorted by radix, in a quarter of the time.
    order = np.argsort(block.astype(np.min_scalar_type(wanted.size)), kind="stable")
    label = label[order]
    blocks = np.flatnonzero(wanted)
    counts = np.bincount(block, minlength=wanted.size)[blocks]
    starts = np.cumsum(counts) - counts
    busiest = np.argsort(counts.astype(np.uint8), kind="stable")[::-1]
    counts, starts = counts[busiest], starts[busiest]
    contenders = [
        label[starts[: np.count_nonzero(counts > rank)] + rank] for rank in range(counts[0])
    ]
    rows, columns = np.divmod(blocks[busiest], width + 2)
    return rows, columns, contenders


def _over_windows(extreme: np.ufunc, maps: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Extreme of the 2x2 window to the right of and below each element, [maps, rows * columns].

    Rows follow each other without a break, which is several times faster; the last row and column
    are therefore without meaning.
    """
    flat = maps.reshape(-1)
    down = maps.shape[2]
    pairs = extreme(flat[:-1], flat[1:])
    windows = np.empty_like(flat)
    windows[-down - 1 :] = 0
    extreme(pairs[:-down], pairs[down:], out=windows[: -down - 1])
    return windows.reshape(maps.shape[0], -1)


def _interpolate(
    volume: NDArray[np.float32],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    contenders: list[NDArray[np.intp]],
    steps: tuple[int, int],
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Winning class and its soft-max in every pixel of the blocks, [step * step, blocks]."""
    classes, height, width = volume.shape
    above, below = np.maximum(rows - 1, 0) * width, np.minimum(rows, height - 1) * width
    left, right = np.maximum(columns - 1, 0), np.minimum(columns, width - 1)
    corners = np.stack((above + left, below + left, above + right, below + right))
    flat = volume.reshape(-1)
    winner = np.empty((steps[0] * steps[1], rows.size), np.uint8)
    best = np.empty(winner.shape, np.float32)
    rest = np.ones(corners.shape, np.float32)
    candidates = []
    for rank, label in enumerate(contenders):
        count = label.size
        value = flat.take(corners[:, :count] + label * (height * width))
        rest[:, :count] -= _exp(value)
        candidate = _pixels(value, steps)
        candidates.append(candidate)
        name = label.astype(np.uint8)
        if rank == 0:
            best[:], winner[:] = candidate, name
            continue
        # winner = where(better, name, winner), in a quarter of the time of a masked copy.
        better = (candidate > best[:, :count]).view(np.uint8)
        np.negative(better, out=better)
        better &= winner[:, :count] ^ name
        winner[:, :count] ^= better
        np.maximum(candidate, best[:, :count], out=best[:, :count])
    total = _relative(_pixels(_log_rest(rest), steps), best)
    if len(contenders) == classes:  # rounding alone is left
        total[:, : contenders[-1].size] = 0.0
    for candidate in candidates:
        total[:, : candidate.shape[1]] += _relative(candidate, best)
    return winner, np.reciprocal(total, out=total)


def _pixels(corners: NDArray[np.float32], steps: tuple[int, int]) -> NDArray[np.float32]:
    """Values at the corners of blocks, [4, blocks], in their pixels, [step * step, blocks]."""
    down, across = _weights(steps[0])[:, :, None], _weights(steps[1])[:, None, :, None]
    at_left = down[0] * corners[0] + down[1] * corners[1]
    at_right = down[0] * corners[2] + down[1] * corners[3]
    pixels = at_left[:, None] * across[0]
    pixels += at_right[:, None] * across[1]
    return np.asarray(pixels.reshape(steps[0] * steps[1], -1), np.float32)


def _relative(
    log_probabilities: NDArray[np.float32], best: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Probabilities as multiples of the best one; the logarithms are overwritten."""
    log_probabilities -= best[:, : log_probabilities.shape[1]]
    return _exp(log_probabilities, in_place=True)


def _weights(step: int) -> NDArray[np.float32]:
    """Share of a block's first and second corner in its `step` pixels along one axis, [2, step]."""
    second = (np.arange(step, dtype=np.float32) + (0.0 if step % 2 else 0.5)) / step
    return np.stack((1.0 - second, second)).astype(np.float32)


def _write(
    canvas: NDArray[np.uint8],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    pixels: NDArray[np.uint8],
    steps: tuple[int, int],
) -> None:
    """Put blocks of pixels, [step * step, blocks], at their places in the canvas of all blocks."""
    # One line of a block's pixels is one element.
    line = np.dtype((np.void, steps[1]))
    lines = canvas.view(line)
    blocks = np.ascontiguousarray(cv2.transpose(pixels)).view(line)
    first = rows * (steps[0] * lines.shape[1]) + columns
    for down in range(steps[0]):
        lines.reshape(-1)[first + down * lines.shape[1]] = blocks[:, down]
