"""Colour of every pixel: one deferred pass over the face buffer."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.simulation.geometry import Intrinsics
from asymformer_ros.simulation.mesh import Mesh
from asymformer_ros.simulation.rasterizer import Raster
from asymformer_ros.simulation.textures import LEVELS, TILE, texture_bank

Floats = NDArray[np.float64]
Image = NDArray[np.float32]

_TONES = 2048


@dataclass(frozen=True)
class Light:
    """A point light: position float64 [3], metres; colour float64 [3], intensity by channel."""

    position: Floats
    colour: Floats


@dataclass(frozen=True)
class Lighting:
    """How a room is lit and photographed.

    ambient: float64 [3]. lights: see Light. exposure: mean brightness aimed at, 0..1. gamma: tone
    curve. vignette, grain: strength. blur: sigma of the lens in pixels at 640 columns.
    """

    ambient: Floats
    lights: tuple[Light, ...]
    exposure: float
    gamma: float
    vignette: float
    grain: float
    blur: float


def _take(table: Floats, face: NDArray[np.int64]) -> Image:
    """Look a coefficient of each face up for each pixel; the void behind all faces gets 0."""
    padded = np.append(table, 0.0).astype(np.float32)
    taken: Image = padded.take(face)
    return taken


def _texture(mesh: Mesh, raster: Raster, pose: Floats, k: Intrinsics, depth: Image) -> Image:
    """Sample the textures with perspective, float32 [H, W, 3], 0..1."""
    bank = texture_bank()
    face = raster.face
    rotation, position = pose[:3, :3], pose[:3, 3]
    u = np.arange(k.width, dtype=np.float32)
    v = np.arange(k.height, dtype=np.float32)[:, None]

    def coordinate(axis: Floats, offset: Floats) -> Image:
        camera_axis = axis @ rotation
        per_u, per_v = camera_axis[:, 0] / k.fx, camera_axis[:, 1] / k.fy
        rest = camera_axis[:, 2] - per_u * k.cx - per_v * k.cy
        value = _take(per_u, face)
        value *= u
        value += _take(per_v, face) * v
        value += _take(rest, face)
        value *= depth
        value += _take((offset + axis @ position) % 1.0, face)
        value -= np.floor(value)
        return value

    s = coordinate(mesh.s_axis, mesh.s0)
    t = coordinate(mesh.t_axis, mesh.t0)
    # Texels under a pixel: geometric mean of the footprint's two sides, slant from the plane.
    slant = np.abs(np.einsum("fk,fk->f", mesh.normals, mesh.corners[:, 0] - position))
    footprint = _take(2 * np.log2(mesh.density / k.fx) - np.log2(np.maximum(slant, 1e-4)), face)
    level = (1.5 * cv2.log(depth) / np.log(2.0) + 0.5 * footprint + 0.35).astype(np.int8)
    np.clip(level, 0, LEVELS - 1, out=level)
    size = (np.float32(TILE) / (1 << np.arange(LEVELS))).astype(np.float32).take(level)
    tile = np.append(mesh.tile, 0).take(face)
    entry = level.astype(np.int64) * bank.x0.shape[1] + tile
    s *= size
    s += bank.x0.ravel().take(entry)
    t *= size
    t += bank.y0.ravel().take(entry)
    return cv2.remap(bank.atlas, s, t, cv2.INTER_LINEAR).astype(np.float32)


def _lit(
    mesh: Mesh, raster: Raster, pose: Floats, k: Intrinsics, lighting: Lighting, depth: Image
) -> Image:
    """Light that arrives at each pixel's surface, float32 [H, W, 3]."""
    face = raster.face
    rotation, position = pose[:3, :3], pose[:3, 3]
    sky = 0.85 + 0.25 * mesh.normals[:, 2] + 0.1 * mesh.normals[:, 0]
    bounce = _take(sky, face)
    glow = _take(mesh.glow, face)
    light = np.empty((*face.shape, 3), dtype=np.float32)
    for channel in range(3):
        np.multiply(bounce, np.float32(lighting.ambient[channel]), out=light[..., channel])
        light[..., channel] += glow
    x = (np.arange(k.width, dtype=np.float32) - np.float32(k.cx)) / np.float32(k.fx)
    y = ((np.arange(k.height, dtype=np.float32) - np.float32(k.cy)) / np.float32(k.fy))[:, None]
    for lamp in lighting.lights:
        at = ((lamp.position - position) @ rotation).astype(np.float32)
        # n·(lamp - P) is the lamp's distance from the face's plane: one number a face.
        facing = np.einsum("fk,fk->f", mesh.normals, lamp.position - mesh.corners[:, 0])
        square = (depth * x - at[0]) ** 2
        square += (depth * y - at[1]) ** 2
        square += (depth - at[2]) ** 2
        square += np.float32(0.15)
        falloff = _take(np.maximum(facing, 0.0), face)
        falloff /= square * np.sqrt(square)
        for channel in range(3):
            light[..., channel] += falloff * np.float32(lamp.colour[channel])
    return light


def _occlusion(depth: Image, k: Intrinsics) -> Image:
    """Darkness beside things that stand out in front (depth darkening, Luft et al. 2006)."""
    small = cv2.resize(depth, (k.width // 4, k.height // 4), interpolation=cv2.INTER_NEAREST)
    dark = np.ones(small.shape, dtype=np.float32)
    for share in (0.012, 0.05):
        near = cv2.GaussianBlur(small, (0, 0), max(share * k.width / 4 * 1.2, 0.6))
        behind = np.clip((small - near) / (0.12 * small + 0.05), 0.0, 1.0)
        dark -= np.float32(0.22) * behind
    full = cv2.resize(dark, (k.width, k.height), interpolation=cv2.INTER_LINEAR)
    return full.astype(np.float32, copy=False)


def shade(
    mesh: Mesh,
    raster: Raster,
    camera_to_world: Floats,
    intrinsics: Intrinsics,
    lighting: Lighting,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Colour the raster of a mesh: uint8 [H, W, 3], R, G, B; rng drives the grain alone."""
    k = intrinsics
    face = raster.face
    depth: Image = np.reciprocal(np.maximum(raster.inverse_depth, np.float32(1e-3)))
    colour = _texture(mesh, raster, camera_to_world, k, depth)
    light = _lit(mesh, raster, camera_to_world, k, lighting, depth)
    shadow = _occlusion(depth, k)
    u = (np.arange(k.width, dtype=np.float32) - np.float32(k.cx)) / k.width
    v = ((np.arange(k.height, dtype=np.float32) - np.float32(k.cy)) / k.width)[:, None]
    shadow *= 1 - np.float32(lighting.vignette) * (u * u + v * v)
    for channel in range(3):
        plane = colour[..., channel]
        plane *= _take((mesh.bright - mesh.dark)[:, channel] / 255.0, face)
        plane += _take(mesh.dark[:, channel], face)
        plane *= light[..., channel]
        plane *= shadow
    return _photograph(colour, lighting, k, rng)


def _photograph(
    light: Image, lighting: Lighting, k: Intrinsics, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Expose, blur, tone and grain the light that reaches the lens, float32 [H, W, 3]."""
    brightness = light[::8, ::8].mean(axis=-1)
    typical = float(np.mean(np.minimum(brightness, 4 * np.median(brightness) + 1e-3)))
    gain = lighting.exposure ** (1 / lighting.gamma) / max(typical, 1e-3)
    sigma = lighting.blur * k.width / 640
    if sigma > 0.25:
        light = cv2.GaussianBlur(light, (0, 0), sigma).astype(np.float32, copy=False)
    # The curve rolls highlights off softly, as cameras do, in place of cutting them.
    linear = np.linspace(0, 3, _TONES)
    curve = (linear / (1 + linear**3) ** (1 / 3)) ** lighting.gamma * 255
    light *= np.float32(gain * (_TONES - 1) / 3)
    tones = np.minimum(light, np.float32(_TONES - 1), out=light).astype(np.uint16)
    image = curve.astype(np.float32).take(tones)
    y, x = (int(o) for o in rng.integers(0, 64, 2))
    grain = _grain_field()[y : y + k.height, x : x + k.width]
    if grain.shape[:2] != image.shape[:2]:
        grain = rng.standard_normal(image.shape, dtype=np.float32)
    image += grain * np.float32(lighting.grain)
    return np.clip(image, 0, 255, out=image).astype(np.uint8)


@functools.lru_cache(maxsize=1)
def _grain_field() -> Image:
    """Noise that is a little correlated between neighbours and channels, made once."""
    rng = np.random.Generator(np.random.PCG64(7))
    field = rng.standard_normal((544, 704, 3), dtype=np.float32)
    field = 0.6 * field + 0.6 * field[..., :1] + 0.5 * cv2.GaussianBlur(field, (0, 0), 0.8)
    return field.astype(np.float32)
