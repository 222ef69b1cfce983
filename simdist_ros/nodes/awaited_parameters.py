"""Parameters whose change takes a while: the service answers when it has come to an end."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.exceptions import ParameterNotDeclaredException
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.parameter_service import ParameterService

__all__ = ['AwaitedParameters', 'Change', 'Until']

T = TypeVar('T')
Change = Callable[[Any], Awaitable[str]]  # takes a value, returns why it is refused, or ''

PAUSE_S = 2e-4  # rclpy asks without a pause; this leaves the interpreter to the other thread


class Until:
    """Lets a coroutine of a node wait for another thread, while the node goes on."""

    def __init__(self, future: Future[T]) -> None:
        """Wait for `future`."""
        self.future = future

    def __await__(self) -> Generator[None, None, None]:
        """Give way until it is done."""
        while not self.future.done():
            yield
            time.sleep(PAUSE_S)


class AwaitedParameters(ParameterService):
    """The parameter services of a node made with ``start_parameter_services=False``.

    `set_parameters` awaits the changes of some parameters before it sets them; meanwhile the
    node's other callbacks run.
    """

    def __init__(self, node: Node, changes: Mapping[str, Change]) -> None:
        """Offer the services.

        Args:
            node: The node that owns the parameters.
            changes: By parameter, what makes the change; the value is set where it refuses
                nothing.
        """
        self.changes = changes
        super().__init__(node)

    async def _set_parameters_callback(
        self, request: SetParameters.Request, response: SetParameters.Response
    ) -> SetParameters.Response:
        """Set one after the other; a refusal says why."""
        for message in request.parameters:
            response.results.append(await self.set(Parameter.from_parameter_msg(message)))
        return response

    def _set_parameters_atomically_callback(
        self, request: SetParametersAtomically.Request, response: SetParametersAtomically.Response
    ) -> SetParametersAtomically.Response:
        """Refuse what has to be awaited: several changes cannot be made as one."""
        awaited = [message.name for message in request.parameters if message.name in self.changes]
        if not awaited:
            return super()._set_parameters_atomically_callback(request, response)
        reason = f'{awaited[0]} cannot be set together with others; set it by itself'
        response.result = SetParametersResult(successful=False, reason=reason)
        return response

    async def set(self, parameter: Parameter[Any]) -> SetParametersResult:
        """Make the change and set the value."""
        if parameter.name in self.changes:
            refusal = await self.changes[parameter.name](parameter.value)
            if refusal:
                return SetParametersResult(successful=False, reason=refusal)
        try:
            return self._get_node().set_parameters_atomically([parameter])
        except ParameterNotDeclaredException as error:
            return SetParametersResult(successful=False, reason=str(error))
