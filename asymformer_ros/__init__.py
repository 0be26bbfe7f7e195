"""RGB-D semantic segmentation for ROS 2 with the AsymFormer network."""

__version__ = "0.1.0"
