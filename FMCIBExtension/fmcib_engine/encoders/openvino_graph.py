"""A network of PyTorch as OpenVINO's graph, operation by operation, its weights where they are: no copy, no file.

`openvino.convert_model` does the same for any network, runs it several times for that, and takes ten seconds and a
copy of the weights; this takes hundredths of a second. It knows the operations of residual networks alone, and refuses
others. That both compute the same is not believed but measured, see `openvino_cpu`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..quiet import import_openvino
from .devices import import_torch

if TYPE_CHECKING:
    from torch import Tensor, nn

Operations = Any
"""OpenVINO's module of operations."""


def translate(network: nn.Module, input_shape: tuple[int, ...]) -> Any:
    """The network, with float32 weights on the CPU, as an `openvino.Model` of one input and one output.

    The model looks at the network's own tensors: it is of use only as long as they are.

    Raises:
        ImportError: OpenVINO is not installed.
        NotImplementedError: an operation that is not known here.
    """
    openvino = import_openvino()
    operations = openvino.opset13
    modules = dict(network.named_modules())
    done: dict[str, Any] = {}
    parameter = operations.parameter(list(input_shape), np.float32)
    for node in _steps(network):
        given = [done.get(each.name) for each in node.args if hasattr(each, "name")]
        if node.op == "placeholder":
            done[node.name] = parameter
        elif node.op == "output":
            return openvino.Model([given[0]], [parameter])
        elif node.op == "call_module":
            module = modules[node.target]
            done[node.name] = _find(_MODULES, type(module).__name__)(operations, module, given[0])
        elif node.target != "size":  # of the batch, in which `_flat` is not interested
            name = node.target if isinstance(node.target, str) else node.target.__name__
            done[node.name] = _find(_FUNCTIONS, name)(operations, *given)
    msg = "The network has no output."
    raise NotImplementedError(msg)


def _steps(network: nn.Module) -> Any:
    """What the network does, in order: torch's own layers, and functions."""
    torch = import_torch()

    class Tracer(torch.fx.Tracer):  # type: ignore[misc,name-defined]  # torch is imported late
        def is_leaf_module(self, module: nn.Module, _name: str) -> bool:
            return type(module).__name__ in _MODULES

    return Tracer().trace(network).nodes


def _find(known: Mapping[str, Callable[..., Any]], name: str) -> Callable[..., Any]:
    if name not in known:
        msg = f"The operation {name} is not translated for OpenVINO"
        raise NotImplementedError(msg)
    return known[name]


def _constant(operations: Operations, tensor: Tensor) -> Any:
    """The tensor where it is; a copy of one in another order of memory, such as `channels_last_3d`."""
    return operations.constant(tensor.detach().numpy(), shared_memory=tensor.is_contiguous())


def _convolution(operations: Operations, layer: Any, maps: Any) -> Any:
    if layer.groups != 1 or layer.padding_mode != "zeros" or isinstance(layer.padding, str):
        msg = "A convolution in groups, or padded with anything but zeros, is not translated for OpenVINO"
        raise NotImplementedError(msg)
    padding = list(layer.padding)
    weight = _constant(operations, layer.weight)
    result = operations.convolution(maps, weight, list(layer.stride), padding, padding, list(layer.dilation))
    if layer.bias is None:
        return result
    return operations.add(result, _constant(operations, layer.bias.reshape(1, -1, 1, 1, 1)))


def _batch_norm(operations: Operations, layer: Any, maps: Any) -> Any:
    stored = [_constant(operations, each) for each in (layer.weight, layer.bias, layer.running_mean, layer.running_var)]
    return operations.batch_norm_inference(maps, *stored, layer.eps)


def _max_pool(operations: Operations, layer: Any, maps: Any) -> Any:
    stride, dilation, padding, size = map(_three, (layer.stride, layer.dilation, layer.padding, layer.kernel_size))
    if layer.ceil_mode:
        msg = "A pooling that rounds up is not translated for OpenVINO"
        raise NotImplementedError(msg)
    return operations.max_pool(maps, stride, dilation, padding, padding, size).output(0)


def _average(operations: Operations, layer: Any, maps: Any) -> Any:
    if _three(layer.output_size) != [1, 1, 1]:
        msg = f"A pooling to {layer.output_size} is not translated for OpenVINO"
        raise NotImplementedError(msg)
    return operations.reduce_mean(maps, np.array([2, 3, 4]), keep_dims=True)


def _three(value: Any) -> list[int]:
    return [value] * 3 if isinstance(value, int) else list(value)


def _flat(operations: Operations, maps: Any, *_sizes: Any) -> Any:
    return operations.reshape(maps, np.array([0, -1]), special_zero=True)


def _add(operations: Operations, one: Any, other: Any) -> Any:
    return operations.add(one, other)


_MODULES: Mapping[str, Callable[..., Any]] = {
    "Conv3d": _convolution,
    "BatchNorm3d": _batch_norm,
    "ReLU": lambda operations, _, maps: operations.relu(maps),
    "MaxPool3d": _max_pool,
    "AdaptiveAvgPool3d": _average,
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    operator.add.__name__: _add,
    operator.iadd.__name__: _add,
    "view": _flat,
    "flatten": _flat,
}
