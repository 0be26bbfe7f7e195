"""TensorRT without a GPU, for one version, under the names recorded from its real bindings.

It parses real ONNX files, keeps the rules of its version (which flags are needed or refused, who
may set a layer's precision), and runs a plan as a network that labels each pixel with its red.
"""

import json

import numpy as np
from fake_tensorrt_network import layer_report, parse
from recorded_api import RecordedEnum, recorded, recorded_module

VERSIONS = ("8.6", "10.3", "10.16", "11.4")


class FakeTensorRt:
    """`module` is the fake tensorrt; the attributes say how it is to behave and what it saw."""

    def __init__(self, version, cuda):
        self.cuda = cuda
        self.version = version
        self.strongly_typed = version != "8.6"
        self.journal = cuda.journal
        # How it behaves
        self.parser_errors = []  # (node index, node name, operator, description)
        self.builds = True
        self.phases = [("Building", None, 4)]
        self.reports_half = True  # the inspector shows what is half as half
        self.executes = True
        self.output_type = "UINT8"
        self.before_build_ends = lambda: None
        # What it saw
        self.config = None  # its attributes: a reference to itself would keep it from being freed
        self.network = None  # likewise
        self.logger = None
        self.module = self._made()

    def _made(self):
        record = recorded("tensorrt_api.json", self.version)
        names = {n: b for n, b in _behaviours(self).items() if n in record["names"]}
        module = recorded_module("tensorrt", record, names, VERSIONS.index(self.version))
        module.__version__ = record["version"]
        return module

    def say(self, severity, text):
        self.logger.log(getattr(self.module.ILogger, severity), text)

    def check_logger(self, logger):
        """As pybind does: an ILogger, or a subclass of it whose __init__ was called."""
        kind = (self.module.ILogger, self.module.Logger)
        if not isinstance(logger, kind) or not vars(logger).get("_made"):
            raise TypeError("incompatible constructor arguments")
        assert self.logger in (None, logger), "TensorRT complains about a second logger"
        self.logger = logger


def _behaviours(fake):
    def enum(owner, name):
        return getattr(getattr(fake.module, owner), name)

    class ILogger:
        INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)

        def __init__(self, min_severity=None):
            self._made = True

    class IProgressMonitor:
        def __init__(self):
            self._made = True

    class Builder:
        def __init__(self, logger):
            fake.cuda.made(self)
            fake.check_logger(logger)

        def __del__(self):
            fake.cuda.freed("builder")

        def create_network(self, flags=0):
            flag = fake.module.NetworkDefinitionCreationFlag
            if fake.version == "8.6":
                assert flags == 1 << int(flag.EXPLICIT_BATCH), "8.6 parses explicit batches only"
            else:
                assert flags == 1 << int(flag.STRONGLY_TYPED)
            network = fake.module.INetworkDefinition()
            fake.network = vars(network)
            return network

        def create_builder_config(self):
            config = fake.module.IBuilderConfig()
            fake.config = vars(config)
            return config

        def build_serialized_network(self, network, config):
            fake.cuda.need_context()
            fake.journal.append("build")
            monitor = vars(config).get("progress_monitor")
            if monitor is not None:
                assert isinstance(monitor, fake.module.IProgressMonitor) and monitor._made
                for name, parent, steps in fake.phases:
                    monitor.phase_start(name, parent, steps)
                    if not all(monitor.step_complete(name, step) for step in range(steps // 2)):
                        fake.say("ERROR", "build cancelled")
                        return None
            fake.before_build_ends()
            if monitor is not None and not monitor.step_complete(fake.phases[-1][0], 0):
                return None
            for name, _, _ in fake.phases[::-1] if monitor is not None else ():
                monitor.phase_finish(name)
            if not fake.builds:
                fake.say("ERROR", "could not find any implementation for node Conv_1")
                return None
            config._timing_cache._content += b" more timings"
            tensors = [("INPUT", t) for t in network._inputs]
            tensors += [("OUTPUT", t) for t in network._outputs]
            plan = {
                "tensors": [(t.name, m, t.dtype.name, network._shapes[t.name]) for m, t in tensors],
                "layers": [layer_report(layer, fake.reports_half) for layer in network._layers],
            }
            return fake.module.IHostMemory(_MAGIC + json.dumps(plan).encode())

    class IBuilderConfig:
        def __init__(self):
            fake.cuda.made(self)
            self._flags, self._limits, self._timing_cache = set(), {}, None

        def __del__(self):
            fake.cuda.freed("config")

        def set_flag(self, flag):
            assert isinstance(flag, RecordedEnum)
            assert not fake.strongly_typed, "a strongly typed network takes no precision flags"
            self._flags.add(flag.name)

        def set_memory_pool_limit(self, pool, pool_size):
            self._limits[pool.name] = pool_size

        def create_timing_cache(self, serialized_timing_cache):
            if serialized_timing_cache.startswith(b"damaged"):
                fake.say("ERROR", "timing cache is corrupt")
                return None
            return fake.module.ITimingCache(serialized_timing_cache)

        def set_timing_cache(self, cache, ignore_mismatch):
            assert not ignore_mismatch
            if cache._content.startswith(b"other GPU"):
                return False
            self._timing_cache = cache
            return True

    class ITimingCache:
        def __init__(self, content):
            self._content = content

        def serialize(self):
            return fake.module.IHostMemory(self._content)

    class IHostMemory:
        # The real one lets bytes() read it through the buffer protocol.
        def __init__(self, content):
            self._content = content

        def __bytes__(self):
            return self._content

    class INetworkDefinition:
        def __init__(self):
            fake.cuda.made(self)
            self._layers, self._inputs, self._outputs, self._shapes = [], [], [], {}

        def __del__(self):
            fake.cuda.freed("network")

        num_layers = property(lambda self: len(self._layers))
        num_outputs = property(lambda self: len(self._outputs))

        def get_layer(self, index):
            return self._layers[index]

        def get_output(self, index):
            return self._outputs[index]

        def unmark_output(self, tensor):
            self._outputs.remove(tensor)

    class ITensor:
        def __init__(self, name, dtype):
            self._name, self._dtype = name, dtype

        name = property(lambda self: self._name)
        dtype = property(lambda self: self._dtype)

    class ILayer:
        def __init__(self, kind, inputs, outputs):
            self._type, self._inputs, self._outputs = kind, inputs, outputs
            self._precision, self._output_types = None, {}

        type = property(lambda self: self._type)
        num_inputs = property(lambda self: len(self._inputs))
        num_outputs = property(lambda self: len(self._outputs))

        def get_input(self, index):
            return self._inputs[index]

        def get_output(self, index):
            return self._outputs[index]

        def _set_precision(self, dtype):
            assert not fake.strongly_typed, "a strongly typed layer takes no precision"
            self._precision = dtype

        precision = property(lambda self: self._precision, _set_precision)

        def set_output_type(self, index, dtype):
            assert not fake.strongly_typed, "a strongly typed layer takes no output type"
            self._output_types[index] = dtype

    class OnnxParser:
        def __init__(self, network, logger):
            fake.cuda.made(self)
            fake.check_logger(logger)
            self._network = network

        def __del__(self):
            fake.cuda.freed("parser")

        num_errors = property(lambda self: len(fake.parser_errors))

        def get_error(self, index):
            return fake.module.ParserError(*fake.parser_errors[index])

        def parse(self, model, path=None):
            if fake.parser_errors:
                return False
            parse(fake, self._network, model)
            return True

    class ParserError:
        def __init__(self, node, name, operator, desc):
            self._node, self._name, self._operator, self._desc = node, name, operator, desc

        def node(self):
            return self._node

        def node_name(self):
            return self._name

        def node_operator(self):
            return self._operator

        def desc(self):
            return self._desc

    class Runtime:
        def __init__(self, logger):
            fake.cuda.made(self)
            fake.check_logger(logger)
            fake.journal.append("make runtime")

        def __del__(self):
            fake.cuda.freed("runtime")

        def deserialize_cuda_engine(self, serialized_engine):
            if not serialized_engine.startswith(_MAGIC):
                fake.say("ERROR", "Serialization assertion magicTagRead == kMAGIC_TAG failed")
                return None
            return fake.module.ICudaEngine(json.loads(serialized_engine[len(_MAGIC) :]))

    class ICudaEngine:
        def __init__(self, plan):
            fake.cuda.made(self)
            self._plan = plan
            self._tensors = {name: rest for name, *rest in plan["tensors"]}

        def __del__(self):
            fake.cuda.freed("engine")

        num_io_tensors = property(lambda self: len(self._tensors))

        def get_tensor_name(self, index):
            return list(self._tensors)[index]

        def get_tensor_mode(self, name):
            return enum("TensorIOMode", self._tensors[name][0])

        def get_tensor_dtype(self, name):
            mode, dtype, _ = self._tensors[name]
            return enum("DataType", fake.output_type if mode == "OUTPUT" else dtype)

        def get_tensor_shape(self, name):
            return self._tensors[name][2]

        def create_engine_inspector(self):
            return fake.module.EngineInspector(self)

        def create_execution_context(self):
            return fake.module.IExecutionContext(self)

    class EngineInspector:
        def __init__(self, engine):
            self._engine = engine

        def get_engine_information(self, format):
            assert format is fake.module.LayerInformationFormat.JSON
            return json.dumps({"Layers": self._engine._plan["layers"], "Bindings": []})

    class IExecutionContext:
        def __init__(self, engine):
            fake.cuda.made(self)
            self._engine, self._addresses = engine, {}

        def __del__(self):
            fake.cuda.freed("execution")

        def set_tensor_address(self, name, memory):
            assert type(memory) is int
            self._addresses[name] = memory
            return name in self._engine._tensors

        def execute_async_v3(self, stream_handle):
            assert type(stream_handle) is int
            if not fake.executes:
                fake.say("ERROR", "enqueueV3: an illegal memory access was encountered")
                return False
            memory = {name: fake.cuda.memory(at) for name, at in self._addresses.items()}
            assert set(memory) == set(self._engine._tensors), "a tensor has no address"

            def run():
                memory["labels"][:] = memory["rgb"][::3]
                missing = np.isnan(memory["depth"].view(np.float32))
                memory["confidence"][:] = np.where(missing, 0, 255)

            fake.cuda.enqueue(fake.cuda.streams[stream_handle], run)
            return True

    class Logger:
        ERROR = 1

        def __init__(self, min_severity=None):
            self._made = True

    return {name: value for name, value in locals().items() if name not in ("fake", "enum")}


_MAGIC = b"ftrt"
