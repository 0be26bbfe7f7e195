"""A scene whose segmentation is known: node_under_test reads labels in red, confidence in green."""

from __future__ import annotations

import numpy as np

from asymformer_ros.perception.labels import load_label_space

HEIGHT, WIDTH = 48, 64
NYU40 = load_label_space("nyu40")
FLOOR, PERSON, LAMP = (NYU40.classes.index(name) for name in ("floor", "person", "lamp"))
LABELS = np.full((HEIGHT, WIDTH), FLOOR, dtype=np.uint8)
LABELS[:, 20:40] = PERSON
LABELS[:, 40:] = LAMP
CONFIDENCE = np.repeat(np.arange(HEIGHT, dtype=np.uint8) * 5, WIDTH).reshape(HEIGHT, WIDTH)
COLOR = np.dstack([LABELS, CONFIDENCE, np.full_like(LABELS, 90)])
DEPTH_MM = np.arange(HEIGHT * WIDTH, dtype=np.uint16).reshape(HEIGHT, WIDTH) + 500
DEPTH_MM[10:20, 30:] = 0
FX = 60.0
CAMERA = {
    "width": WIDTH,
    "height": HEIGHT,
    "distortion_model": "plumb_bob",
    "d": [0.0] * 5,
    "k": [FX, 0.0, 32.0, 0.0, FX, 24.0, 0.0, 0.0, 1.0],
    "p": [FX, 0.0, 32.0, 0.0, 0.0, FX, 24.0, 0.0, 0.0, 0.0, 1.0, 0.0],
}

IMAGES = ("semantic/confidence", "semantic/color", "semantic/overlay", "semantic/mask")


def image_outputs():
    """Message types of the topics that carry every pixel of the scene, labels apart."""
    from sensor_msgs.msg import CameraInfo, Image, PointCloud2

    return dict.fromkeys(IMAGES, Image) | {
        "semantic/camera_info": CameraInfo,
        "semantic/points": PointCloud2,
    }


def publish_scene(camera, stamp_ns, **color_fields):
    """Publish depth and colour; returns the colour message."""
    camera.depth(stamp_ns, DEPTH_MM)
    return camera.color(stamp_ns, COLOR, **color_fields)


def calibrate(rig):
    """Publish the camera info until the node has it, which shows in the cloud alone."""
    while not rig.consumer.messages["semantic/points"]:
        rig.camera.info(**CAMERA)
        rig.consumer.output_of(publish_scene(rig.camera, rig.later()))


def pixels(message):
    """An 8-bit image message as an array."""
    array = np.frombuffer(message.data, np.uint8)
    return array.reshape(message.height, message.width, -1).squeeze()
