"""ROS parameters out of settings classes, with descriptors; what is misspelt is refused."""

from __future__ import annotations

import typing
from collections.abc import Collection
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterException,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

from simdist_ros.core.errors import ConfigError, unknown_name
from simdist_ros.core.settings import SettingInfo, Settings, describe

__all__ = ['declare', 'refuse_unknown']

S = TypeVar('S', bound=Settings)

RCLPY_OWN = ('use_sim_time', 'start_type_description_service')
UNBOUNDED = {'float': 1e308, 'int': 2**62}


def declare(node: Node, cls: type[S], prefix: str = '', *, settable: Collection[str] = ()) -> S:
    """Declare every setting of a class as a parameter and return the values given.

    Args:
        node: The node that owns the parameters.
        cls: The settings class.
        prefix: First part of the parameter names, e.g. ``mppi.``.
        settable: Settings that may change while the node runs; all others are read-only.

    Raises:
        ConfigError: A value has the wrong type or breaks a rule.
    """
    values = {}
    for info in describe(cls):
        name = prefix + info.name
        try:
            descriptor = descriptor_of(info)
            descriptor.read_only = info.name not in settable
            parameter = node.declare_parameter(name, default_of(info), descriptor)
        except (InvalidParameterTypeException, InvalidParameterValueException) as error:
            given = node._parameter_overrides[name].value
            raise ConfigError(
                f'parameter {name!r} of node {node.get_name()!r} is {given!r}; it must be '
                f'{rule_of(info)}'
            ) from error
        except ParameterException as error:
            raise ConfigError(f'parameter {name!r}: {error}') from error
        values[info.name] = parameter.value
    return cls.from_mapping(values, f'parameters of node {node.get_name()!r}')


def refuse_unknown(node: Node) -> None:
    """Raise `ConfigError` if a parameter was given that nobody declared; rclpy ignores those."""
    declared = set(node._parameters)
    for name in node._parameter_overrides:
        if name not in declared and name not in RCLPY_OWN and not name.startswith('qos_overrides'):
            raise ConfigError(
                f'node {node.get_name()!r}: {unknown_name("parameter", name, declared)}'
            )


def default_of(info: SettingInfo) -> Any:
    """Return the default as rclpy wants it."""
    return list(info.default) if isinstance(info.default, tuple) else info.default


def descriptor_of(info: SettingInfo) -> ParameterDescriptor:
    """Return doc, unit, range and choices as a descriptor."""
    descriptor = ParameterDescriptor(
        name=info.name,
        description=info.doc + (f' [{info.unit}]' if info.unit else ''),
        additional_constraints=f'one of {", ".join(info.choices)}' if info.choices else '',
        type=Parameter.Type.from_parameter_value(default_of(info)).value,
    )
    if info.low is None and info.high is None:
        return descriptor
    kind = 'int' if info.type is int else 'float'
    low = -UNBOUNDED[kind] if info.low is None else info.low
    high = UNBOUNDED[kind] if info.high is None else info.high
    if info.type is int:
        descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high))]
    elif info.type is float:
        descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    return descriptor


def rule_of(info: SettingInfo) -> str:
    """Say what a value must be, e.g. ``of type float (write 50.0), 0.0 .. 1.0``."""
    is_tuple = typing.get_origin(info.type) is tuple
    kind = 'a list of floats' if is_tuple else f'of type {info.type.__name__}'
    if info.type is float:
        kind += ' (write 50.0, not 50)'
    if info.low is not None or info.high is not None:
        kind += f', {"-inf" if info.low is None else info.low} .. '
        kind += f'{"inf" if info.high is None else info.high}'
    return kind
