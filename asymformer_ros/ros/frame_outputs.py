"""The messages of one frame besides its labels, each made when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
from std_msgs.msg import Header

from asymformer_ros.perception.camera_model import CameraModel
from asymformer_ros.perception.cloud import labelled_cloud
from asymformer_ros.perception.frames import FrameError, RgbdFrame, Segmentation
from asymformer_ros.perception.overlay import blend, colorize, encode_jpeg
from asymformer_ros.perception.refine import OutputOptions, mask
from asymformer_ros.perception.scene import ClassInView, classes_in_view
from asymformer_ros.ros.camera_info import camera_model, output_camera_info
from asymformer_ros.ros.images import to_message
from asymformer_ros.ros.point_cloud import point_cloud_message
from asymformer_ros.ros.scene_message import scene_message

# As image_transport's compressed publisher writes it: what went in, what the JPEG holds.
_JPEG_OF_RGB8 = "rgb8; jpeg compressed bgr8"


@dataclass(frozen=True)
class FrameOutputs:
    """One frame's outputs, each made when it is asked for; all messages carry the header itself.

    frame: at the camera's resolution. segmentation: what `refine` gave with these options.
    camera_info: the colour camera's latest, None if none came. The methods raise FrameError.
    """

    header: Header
    frame: RgbdFrame
    segmentation: Segmentation
    camera_info: CameraInfo | None
    options: OutputOptions

    def camera_info_message(self) -> CameraInfo:
        """The camera's own, at the stride of the outputs."""
        return output_camera_info(self.header, self._known_camera_info, self.options.stride)

    def mask(self) -> Image:
        """mono8, 255 where a class of the mask is, else 0."""
        return to_message(self.header, self.mask_image, "mono8")

    def confidence(self) -> Image:
        """mono8, soft-max probability of the network's label times 255."""
        return to_message(self.header, self.segmentation.confidence, "mono8")

    def scene(self) -> Any:
        """asymformer_ros/SemanticScene; centroids are NaN where the camera is not calibrated."""
        return scene_message(self.header, self.classes())

    def points(self) -> PointCloud2:
        """One point for each pixel of the label image, in the optical frame."""
        return point_cloud_message(self.header, self.cloud())

    def color(self) -> Image:
        """rgb8, every pixel in the colour of its class."""
        return to_message(self.header, self.colors, "rgb8")

    def overlay(self) -> Image:
        """rgb8, class colours over the camera image."""
        return to_message(self.header, self.overlay_image, "rgb8")

    def compressed_overlay(self) -> CompressedImage:
        """The overlay as JPEG."""
        message = CompressedImage(header=self.header, format=_JPEG_OF_RGB8)
        message.data.frombytes(encode_jpeg(self.overlay_image))
        return message

    @cached_property
    def colors(self) -> NDArray[np.uint8]:
        """The classes in their colours, uint8 [H, W, 3] in R, G, B order."""
        return colorize(self.segmentation.labels, self.options.labelling.space.palette)

    @cached_property
    def overlay_image(self) -> NDArray[np.uint8]:
        """Class colours over the camera image, uint8 [H, W, 3] in R, G, B order."""
        stride = self.options.stride
        rgb = np.ascontiguousarray(self.frame.rgb[::stride, ::stride])
        return blend(rgb, self.colors, self.segmentation.labels, self.options.overlay_alpha)

    @property
    def mask_image(self) -> NDArray[np.uint8]:
        """255 where a class of the mask is, else 0; uint8 [H, W]."""
        return mask(self.segmentation.labels, self.options)

    def cloud(self) -> NDArray[np.void]:
        """See `labelled_cloud`."""
        camera = camera_model(self._known_camera_info)
        rgb, depth_m = self.frame.rgb, self.frame.depth_m
        return labelled_cloud(rgb, depth_m, self.segmentation, camera, self.options.stride)

    def classes(self) -> list[ClassInView]:
        """See `classes_in_view`; centroids are NaN where the camera is not calibrated."""
        options = self.options
        return classes_in_view(
            self.segmentation,
            self.frame.depth_m,
            options.labelling.space,
            self._camera_if_calibrated(),
            options.stride,
        )

    @property
    def _known_camera_info(self) -> CameraInfo:
        if self.camera_info is None:
            raise FrameError(
                "no message has come on color/camera_info: remap it to the camera_info of the "
                "colour image"
            )
        return self.camera_info

    def _camera_if_calibrated(self) -> CameraModel | None:
        try:
            camera = camera_model(self._known_camera_info)
            height, width = self.frame.depth_m.shape
            camera.rays(height, width, self.options.stride)
        except FrameError:
            return None
        return camera
