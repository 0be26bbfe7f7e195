"""Random views of a sample: scale, crop, mirror, colour and depth sensor faults."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from asymformer_ros.evaluation.labelled_frames import LabelledFrame
from asymformer_ros.perception.frames import UNLABELLED


def augment(
    sample: LabelledFrame,
    size: tuple[int, int],
    scales: tuple[float, float],
    rng: np.random.Generator,
) -> LabelledFrame:
    """Cut a randomly scaled and altered view of `size` (height, width) out of a sample."""
    scale = float(np.exp(rng.uniform(*np.log(scales))))
    rgb, depth, labels = _scale_and_crop(sample, size, scale, rng)
    if rng.random() < 0.5:
        rgb, depth, labels = rgb[:, ::-1], depth[:, ::-1], labels[:, ::-1]
    altered = _alter_color(rgb, rng), _alter_depth(depth, rng)
    return LabelledFrame(sample.name, *altered, np.ascontiguousarray(labels))


def _scale_and_crop(
    sample: LabelledFrame, size: tuple[int, int], scale: float, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint8]]:
    height, width = size
    source_height, source_width = sample.labels.shape
    # Crop in the source first: only what is kept is resized.
    cut_h = min(source_height, round(height / scale))
    cut_w = min(source_width, round(width / scale))
    top = int(rng.integers(source_height - cut_h + 1))
    left = int(rng.integers(source_width - cut_w + 1))
    window = np.s_[top : top + cut_h, left : left + cut_w]
    inner = (min(width, round(cut_w * scale)), min(height, round(cut_h * scale)))
    rgb = np.full((height, width, 3), 124, np.uint8)
    depth = np.full((height, width), np.nan, np.float32)
    labels = np.full((height, width), UNLABELLED, np.uint8)
    place = np.s_[: inner[1], : inner[0]]
    interpolation = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
    rgb[place] = cv2.resize(sample.rgb[window], inner, interpolation=interpolation)
    depth[place] = cv2.resize(sample.depth_m[window], inner, interpolation=cv2.INTER_NEAREST)
    labels[place] = cv2.resize(sample.labels[window], inner, interpolation=cv2.INTER_NEAREST)
    return rgb, depth, labels


def _alter_color(rgb: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Brightness, contrast, gamma, white balance, saturation; now and then blur or noise."""
    values = rgb.astype(np.float32) / 255.0
    grey = values.mean(axis=2, keepdims=True)
    values = grey + (values - grey) * rng.uniform(0.4, 1.5)
    values *= rng.uniform(0.85, 1.15, 3).astype(np.float32)
    middle = float(values.mean())
    values = middle + (values - middle) * rng.uniform(0.7, 1.35) + rng.uniform(-0.12, 0.12)
    values = np.clip(values, 0.0, 1.0) ** rng.uniform(0.75, 1.35)
    fault = rng.random()
    if fault < 0.15:
        values = cv2.GaussianBlur(values, (0, 0), rng.uniform(0.5, 1.5))
    elif fault < 0.35:
        values = values + rng.normal(0.0, rng.uniform(0.01, 0.05), values.shape)
    return np.clip(values * 255.0, 0.0, 255.0).astype(np.uint8)


def _alter_depth(depth: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Scale error, smooth noise that grows with distance, quantisation, holes of random shape."""
    height, width = depth.shape
    depth = depth * np.float32(rng.uniform(0.92, 1.08))
    coarse = rng.normal(0.0, 1.0, (height // 8, width // 8)).astype(np.float32)
    noise = np.asarray(cv2.resize(coarse, (width, height)), np.float32)
    depth = depth + np.float32(rng.uniform(0.0, 0.004)) * depth**2 * noise
    if rng.random() < 0.5:
        coarse = rng.random((height // 16, width // 16)).astype(np.float32)
        field = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        depth[field > rng.uniform(0.75, 1.0)] = np.nan
    if rng.random() < 0.3:
        depth[depth > rng.uniform(3.5, 8.0)] = np.nan
    if rng.random() < 0.3:
        step = cv2.dilate(np.nan_to_num(depth), np.ones((3, 3), np.uint8)) - np.nan_to_num(depth)
        depth[step > 0.08] = np.nan
    return np.ascontiguousarray(depth)
