"""Weights and inputs of the reference vectors, made again from their keys; numpy only.

The vectors in test/data/asymformer_reference.npz are outputs of the official implementation under
these weights. Every number follows from a splitmix64 stream seeded with the CRC-32 of its key.
"""

import zlib

import numpy as np

# One bias a class: balances the 40 classes so that the argmax varies.
# fmt: off
PREDICTION_BIAS = np.array([
    -0.75, 4.125, -1, -1.875, -2.25, -1.0625, -0.0625, 1.9375, -0.375, -4.75, -1.3125, -1.5625,
    -3.3125, 1.4375, 2.4375, -3.875, -0.625, 1.3125, -2.375, -1.75, 0.0625, -2.0625, 1.1875,
    -1.9375, -0.125, -0.1875, 2.3125, 1.1875, -0.1875, -0.25, -2.1875, 3, -2, -0.0625, -1.375,
    1.5625, -1.9375, -0.125, 3.25, 0.3125,
], np.float32)
# fmt: on
RGB_MEAN = np.array([0.4850042694973687, 0.41627756261047333, 0.3981809741523051])
RGB_STD = np.array([0.26415541082494515, 0.2728415392982039, 0.2831175140191598])
DEPTH_MEAN, DEPTH_STD = 2.8424503515351494, 0.9932836506164299

GAINS = (  # first match counts
    (".fus_atten.fc_spatial.0.", 4.0),
    (".fus_atten.fc_channel.", 3.0),
    (".SCC.conv_bn.0.", 4.0),
    (".attn.q.", 1.5),
    (".attn.kv.", 1.5),
    (".cross_atten.kq", 2.0),
    ("Decoder.linear_pred.weight", 2.0),
)


def stream(key, count):
    """`count` uint64 words of the splitmix64 stream of a key."""
    step = np.uint64(0x9E3779B97F4A7C15)
    with np.errstate(over="ignore"):
        z = np.uint64(zlib.crc32(key.encode())) + np.arange(1, count + 1, dtype=np.uint64) * step
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def unit(key, count):
    """float64 numbers of mean 0 and variance 1, uniform."""
    return np.sqrt(3.0) * (2.0 * (stream(key, count) >> np.uint64(40)) * 2.0**-24 - 1.0)


def tensor(key, shape):
    """Value of one state-dict entry under its current official name."""
    if key.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    if key == "Decoder.linear_pred.bias":
        return PREDICTION_BIAS
    values = unit(key, int(np.prod(shape)))
    if key.endswith("running_var"):
        values = 1.0 + 0.3 * values
    elif key.endswith(".gamma"):
        values = 0.5 + 0.1 * values
    elif len(shape) >= 2:
        gain = next((gain for part, gain in GAINS if part in key), 1.0)
        if ".fus_atten.fc_spatial.2." in key:
            gain = float(shape[0])
        values = gain / np.sqrt(np.prod(shape[1:])) * values
    elif key.endswith(".weight"):
        values = 1.0 + 0.1 * values
    else:  # biases and running means
        values = 0.1 * values
    return values.astype(np.float32).reshape(shape)


def _triangle(values, period):
    return np.abs(np.mod(values, 2 * period) - period)


def camera_input(height, width):
    """(rgb uint8 [H, W, 3], depth uint16 [H, W] millimetres, 0 = no reading)."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    noise = (stream("input.rgb", y.size) >> np.uint64(56)).astype(np.int64).reshape(y.shape)
    rgb = (3 * _triangle(x * (c + 2) + y * (3 - c) + 37 * c, 255) + noise) // 4
    rgb = np.where((x // 80 + y // 60) % 3 == c, 255 - rgb, rgb).astype(np.uint8)
    y, x = y[..., 0], x[..., 0]
    noise = (stream("input.depth", y.size) >> np.uint64(58)).astype(np.int64).reshape(y.shape)
    depth = 600 + 20 * _triangle(x + 2 * y, 150) + 700 * ((x // 160 + y // 120) % 4) + noise
    depth[:, :16] = 0
    top, left = height // 4, width // 3
    depth[top : top + height // 8, left : left + width // 8] = 0
    return rgb, depth.astype(np.uint16)


def network_input(height, width):
    """The camera input normalised, float32 NCHW; holes stay 0 m before normalisation."""
    rgb, depth = camera_input(height, width)
    color = ((rgb / 255.0 - RGB_MEAN) / RGB_STD).transpose(2, 0, 1)[None]
    metres = (depth / 1000.0 - DEPTH_MEAN) / DEPTH_STD
    return color.astype(np.float32), metres[None, None].astype(np.float32)
