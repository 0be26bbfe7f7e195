"""A bank of periodic textures with mip levels in one atlas, shared by all classes of surface."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

TILE = 256
LEVELS = 6
_BANK_SEED = 20240
_GRID = 10

Rng = np.random.Generator
Tile = NDArray[np.float32]


@dataclass(frozen=True)
class TextureBank:
    """All textures side by side: atlas uint8 [rows, columns, 3].

    x0, y0: float32 [LEVELS, tiles], position of a tile's first pixel in the atlas. kinds: indices
    of the tiles of each kind of texture.
    """

    atlas: NDArray[np.uint8]
    x0: NDArray[np.float32]
    y0: NDArray[np.float32]
    kinds: dict[str, NDArray[np.int64]]


def _grid() -> tuple[Tile, Tile]:
    y, x = np.mgrid[0:TILE, 0:TILE].astype(np.float32) / TILE
    return x, y


def _unit(a: NDArray[np.floating]) -> Tile:
    low, high = np.percentile(a, [1, 99])
    return np.clip((a - low) / max(high - low, 1e-9), 0, 1).astype(np.float32)


def _fractal(rng: Rng, power: float, stretch: tuple[float, float] = (1.0, 1.0)) -> Tile:
    """Noise with a 1/f**power spectrum; it repeats without a seam since it is made by an FFT."""
    fy = np.fft.fftfreq(TILE)[:, None] * TILE * stretch[0]
    fx = np.fft.rfftfreq(TILE)[None, :] * TILE * stretch[1]
    amplitude = 1.0 / (1.0 + fx**2 + fy**2) ** (power / 2)
    amplitude[0, 0] = 0.0
    phase = rng.standard_normal((*amplitude.shape, 2))
    return _unit(np.fft.irfft2(amplitude * (phase[..., 0] + 1j * phase[..., 1]), s=(TILE, TILE)))


def _plain(rng: Rng) -> Tile:
    return 0.25 * _fractal(rng, 1.6) + 0.15 * _fractal(rng, 0.6)


def _cloud(rng: Rng) -> Tile:
    return _fractal(rng, rng.uniform(1.0, 2.6))


def _wood(rng: Rng) -> Tile:
    x, _ = _grid()
    grain = _fractal(rng, 2.0, (6.0, 0.6))
    rings = np.sin(2 * np.pi * (rng.integers(2, 7) * x + rng.uniform(0.5, 2.5) * grain))
    wood = 0.35 * _unit(rings) + 0.4 * grain + 0.25 * _fractal(rng, 1.0, (8.0, 0.5))
    planks = int(rng.choice([0, 2, 3, 4]))
    if planks:
        column = np.floor(x * planks).astype(int)
        wood = 0.7 * wood + 0.3 * rng.random(planks).astype(np.float32)[column]
        wood = np.where((x * planks) % 1.0 < 0.012 * planks, 0.0, wood)
    return wood.astype(np.float32)


def _stripes(rng: Rng) -> Tile:
    x, _ = _grid()
    count = int(rng.integers(2, 12))
    levels = rng.random(count).astype(np.float32)
    if rng.random() < 0.5:
        levels = (np.arange(count) % 2).astype(np.float32)
    return 0.85 * levels[np.minimum((x * count).astype(int), count - 1)] + 0.15 * _fractal(rng, 0.8)


def _plaid(rng: Rng) -> Tile:
    return (0.5 * _stripes(rng) + 0.5 * _stripes(rng).T).astype(np.float32)


def _checker(rng: Rng) -> Tile:
    x, y = _grid()
    n = int(rng.integers(1, 5)) * 2
    return (np.floor(x * n) + np.floor(y * n)) % 2 * 0.8 + 0.2 * _fractal(rng, 1.0)


def _tiles(rng: Rng) -> Tile:
    x, y = _grid()
    nx, ny = int(rng.integers(1, 6)), int(rng.integers(1, 6))
    shift = 0.5 * (np.floor(y * ny) % 2) if ny % 2 == 0 and rng.random() < 0.5 else 0.0
    column = (x * nx + shift) % nx
    grout = ((column % 1) < 0.02 * nx) | ((y * ny % 1) < 0.02 * ny)
    shade = rng.random((ny, nx)).astype(np.float32)[(y * ny).astype(int), column.astype(int)]
    return np.where(grout, rng.choice([0.0, 1.0]), 0.5 + 0.2 * shade + 0.2 * _fractal(rng, 1.5))


def _dots(rng: Rng) -> Tile:
    x, y = _grid()
    n = int(rng.integers(3, 9))
    radius = np.hypot(x * n % 1 - 0.5, y * n % 1 - 0.5)
    return 0.8 * (radius < rng.uniform(0.15, 0.4)) + 0.2 * _fractal(rng, 1.0)


def _weave(rng: Rng) -> Tile:
    x, y = _grid()
    n = int(rng.choice([16, 32, 64]))
    threads = np.sin(2 * np.pi * n * x) * np.sin(2 * np.pi * n * y)
    return 0.4 * _unit(threads) + 0.3 * _fractal(rng, 0.3) + 0.3 * _fractal(rng, 1.8)


def _marble(rng: Rng) -> Tile:
    x, y = _grid()
    turbulence = _fractal(rng, 1.8)
    veins = np.sin(2 * np.pi * (rng.integers(0, 3) * x + y + rng.uniform(1, 3) * turbulence))
    return _unit(np.abs(veins)) ** 0.5


def _ornament(rng: Rng) -> Tile:
    """Mirrored blobs: wallpaper, rugs, printed cloth."""
    blobs = _fractal(rng, rng.uniform(1.5, 2.5))
    blobs = blobs + blobs[::-1] + blobs[:, ::-1] + blobs[::-1, ::-1]
    small = cv2.resize(_unit(blobs), (TILE // 2, TILE // 2), interpolation=cv2.INTER_AREA)
    steps = int(rng.integers(2, 6))
    return (np.floor(np.tile(small, (2, 2)) * steps) / steps).astype(np.float32)


def _poster(rng: Rng) -> Tile:
    """A colourful picture of random shapes with a frame or a margin."""
    image = np.stack([_fractal(rng, 2.2) for _ in range(3)], axis=-1) * 0.5
    image += rng.random(3).astype(np.float32) * 0.5
    image = np.ascontiguousarray(image, dtype=np.float32)
    for _ in range(int(rng.integers(3, 14))):
        centre = tuple(int(v) for v in rng.integers(0, TILE, 2))
        axes = tuple(int(v) for v in rng.integers(6, 80, 2))
        colour = tuple(float(v) for v in rng.random(3))
        if rng.random() < 0.5:
            cv2.ellipse(image, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1)
        else:
            far = (centre[0] + axes[0], centre[1] + axes[1])
            cv2.rectangle(image, centre, far, colour, -1)
    margin = int(rng.choice([0, 8, 16, 30]))
    if margin:
        colour = tuple(float(v) for v in np.full(3, rng.random()))
        cv2.rectangle(image, (0, 0), (TILE - 1, TILE - 1), colour, margin)
    return image


def _spines(rng: Rng) -> Tile:
    """A row of book backs of different widths, heights and colours."""
    image = np.full((TILE, TILE, 3), 0.06, dtype=np.float32)
    x = 0
    while x < TILE:
        width, top = int(rng.integers(8, 26)), int(rng.integers(0, 70))
        colour = 0.15 + 0.8 * rng.random() * (0.35 + 0.65 * rng.random(3))
        image[top:, x : x + width] = colour
        image[top:, x : x + 1] *= 0.4
        band = int(rng.integers(top + 10, 220))
        image[band : band + int(rng.integers(4, 30)), x : x + width] = rng.random(3)
        x += width
    return image


def _outside(rng: Rng) -> Tile:
    """What a window shows: bright sky, trees or house fronts below."""
    _, y = _grid()
    image = np.empty((TILE, TILE, 3), dtype=np.float32)
    image[:] = rng.uniform([0.6, 0.7, 0.8], [1.0, 1.0, 1.0])
    ragged = y + 0.35 * (_fractal(rng, 1.6) - 0.5) > rng.uniform(0.3, 0.9)
    trees = _fractal(rng, 1.0)[..., None] * rng.uniform([0.2, 0.3, 0.1], [0.7, 0.9, 0.6])
    return np.where(ragged[..., None], trees, image).astype(np.float32)


def _print(rng: Rng) -> Tile:
    """Lines of text, sometimes with a figure."""
    image = np.ones((TILE, TILE), dtype=np.float32)
    for row in range(20, 240, int(rng.integers(7, 16))):
        for x in range(20, int(rng.integers(120, 240)), 12):
            image[row : row + 3, x : x + int(rng.integers(4, 12))] = 0.15
    if rng.random() < 0.6:
        x, y = (int(v) for v in rng.integers(20, 130, 2))
        image[y : y + 90, x : x + 100] = 0.6 * rng.random()
    return image


_MAKERS: dict[str, tuple[int, Callable[[Rng], Tile]]] = {
    "plain": (8, _plain),
    "cloud": (9, _cloud),
    "wood": (12, _wood),
    "stripes": (6, _stripes),
    "plaid": (4, _plaid),
    "checker": (3, _checker),
    "tiles": (8, _tiles),
    "dots": (3, _dots),
    "weave": (8, _weave),
    "marble": (4, _marble),
    "ornament": (6, _ornament),
    "poster": (14, _poster),
    "spines": (5, _spines),
    "outside": (6, _outside),
    "print": (4, _print),
}

#: Kinds that any class of object may wear.
GENERIC_KINDS = tuple(k for k in _MAKERS if k not in ("poster", "spines", "outside", "print"))


@functools.lru_cache(maxsize=1)
def texture_bank() -> TextureBank:
    """Make the bank, the same in every process; about half a second, once per process."""
    rng = np.random.Generator(np.random.PCG64(_BANK_SEED))
    tiles: list[NDArray[np.uint8]] = []
    kinds: dict[str, NDArray[np.int64]] = {}
    for kind, (count, maker) in _MAKERS.items():
        kinds[kind] = np.arange(len(tiles), len(tiles) + count)
        for _ in range(count):
            tile = np.clip(np.asarray(maker(rng), dtype=np.float32) * 255, 0, 255).astype(np.uint8)
            tiles.append(tile if tile.ndim == 3 else np.repeat(tile[..., None], 3, axis=2))
    assert len(tiles) <= _GRID * _GRID
    bands = []
    x0 = np.empty((LEVELS, len(tiles)), dtype=np.float32)
    y0 = np.empty_like(x0)
    top = 0
    for level in range(LEVELS):
        size = TILE >> level
        pitch = size + 2  # one pixel of the opposite side all round, for the bilinear filter
        band = np.zeros((pitch * _GRID, (TILE + 2) * _GRID, 3), dtype=np.uint8)
        for i, tile in enumerate(tiles):
            small = cv2.resize(tile, (size, size), interpolation=cv2.INTER_AREA)
            row, column = divmod(i, _GRID)
            y, x = row * pitch, column * pitch
            band[y : y + pitch, x : x + pitch] = np.pad(small, ((1, 1), (1, 1), (0, 0)), "wrap")
            x0[level, i], y0[level, i] = x + 1 - 0.5, top + y + 1 - 0.5
        bands.append(band)
        top += len(band)
    return TextureBank(np.concatenate(bands), x0, y0, kinds)
