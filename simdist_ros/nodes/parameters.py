"""ROS parameters out of settings classes, with descriptors; what is misspelt is refused."""

from __future__ import annotations

import typing
from array import array
from collections.abc import Collection
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter

from simdist_ros.core.errors import ConfigError, unknown_name
from simdist_ros.core.settings import RENAMED, SettingInfo, Settings, checked, describe
from simdist_ros.core.values import LARGEST_INT

__all__ = ['declare', 'refuse_unknown']

S = TypeVar('S', bound=Settings)

RCLPY_OWN = ('use_sim_time', 'start_type_description_service')
ARRAYS = {
    float: Parameter.Type.DOUBLE_ARRAY,
    int: Parameter.Type.INTEGER_ARRAY,
    str: Parameter.Type.STRING_ARRAY,
}
UNBOUNDED = {'float': 1e308, 'int': LARGEST_INT}


def declare(node: Node, cls: type[S], prefix: str = '', *, settable: Collection[str] = ()) -> S:
    """Declare every setting of a class as a parameter and return the values given.

    A value may have any type that says the same, e.g. 50 or ``'5e1'`` for 50.0.

    Args:
        node: The node that owns the parameters.
        cls: The settings class.
        prefix: First part of the parameter names, e.g. ``mppi.``.
        settable: Settings that may change while the node runs; all others are read-only.

    Raises:
        ConfigError: A value has the wrong type or breaks a rule.
    """
    values = {}
    overrides = node._parameter_overrides
    for info in describe(cls):
        name, value = prefix + info.name, info.default
        if name in overrides:
            spelled = f'parameter {name!r} of node {node.get_name()!r}'
            value = checked(info, plain(overrides.pop(name).value), spelled)
        descriptor = descriptor_of(info)
        descriptor.read_only = info.name not in settable
        try:
            parameter = node.declare_parameter(name, as_parameter(value), descriptor)
        except ParameterException as error:
            raise ConfigError(f'parameter {name!r}: {error}') from error
        values[info.name] = plain(parameter.value)
    source = f'parameters of node {node.get_name()!r}'
    return cls.from_mapping(values, source, lambda name: prefix + name)


def refuse_unknown(node: Node) -> None:
    """Raise `ConfigError` if a parameter was given that is not declared; rclpy ignores those."""
    declared = set(node._parameters)
    for name in node._parameter_overrides:
        if name not in declared and name not in RCLPY_OWN and not name.startswith('qos_overrides'):
            section, dot, last = name.rpartition('.')
            now = section + dot + RENAMED.get(last, '')
            why = f'parameter {name!r} is called {now!r} now' if now in declared else ''
            raise ConfigError(
                f'node {node.get_name()!r}: {why or unknown_name("parameter", name, declared)}'
            )


def plain(value: Any) -> Any:
    """Return what rclpy gives, an array as a list."""
    return list(value) if isinstance(value, (array, tuple)) else value


def as_parameter(value: Any) -> Any:
    """Return a setting's value as rclpy wants it."""
    return list(value) if isinstance(value, tuple) else value


def type_of(info: SettingInfo) -> Parameter.Type:
    """Return the type of a setting's parameter; that of a list is that of its items, if any."""
    if typing.get_origin(info.type) is tuple:
        return ARRAYS[typing.get_args(info.type)[0]]
    return Parameter.Type.from_parameter_value(info.default)


def descriptor_of(info: SettingInfo) -> ParameterDescriptor:
    """Return doc, unit, range and choices as a descriptor."""
    descriptor = ParameterDescriptor(
        name=info.name,
        description=info.meaning,
        additional_constraints=constraints(info),
        type=type_of(info).value,
    )
    lowest = info.above if info.low is None else info.low
    if lowest is None and info.high is None:
        return descriptor
    kind = 'int' if info.type is int else 'float'
    low = -UNBOUNDED[kind] if lowest is None else lowest
    high = UNBOUNDED[kind] if info.high is None else info.high
    if info.type is int:
        descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high))]
    elif info.type is float:
        descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    return descriptor


def constraints(info: SettingInfo) -> str:
    """Say what a range cannot."""
    if info.choices:
        return f'one of {", ".join(info.choices)}'
    return '' if info.above is None else info.allowed
