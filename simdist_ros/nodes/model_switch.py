"""Which dynamics plan: exchanged by a parameter, taken back by a service or by themselves."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.lifecycle import LifecycleNode
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from simdist_ros.adaptation.live_model import LiveModel, describe_model
from simdist_ros.core.errors import ConfigError, SimdistError
from simdist_ros.nodes.awaited_parameters import Until
from simdist_ros.planning.plan import Observation, Plan

__all__ = ['ModelSwitch']

DOUBTED = 'the robot does not move as is believed of it: the usual expert acts, told nothing'
BELIEVED = 'the robot moves as is believed of it again: the expert for that acts'


class ModelSwitch:
    """Exchanges the live model of a planner node, from its configuration to its cleanup."""

    def __init__(
        self, node: LifecycleNode, live: LiveModel, warn: Callable[[str, str], None]
    ) -> None:
        """Offer ``~/rollback``.

        Args:
            node: Whose parameter ``model`` names what plans.
            live: The model in use and those to go back to.
            warn: Logs a sentence on a subject, not too often.
        """
        self.node, self.live, self.warn = node, live, warn
        self.is_loading = self.is_closed = self.doubts_belief = False
        self.service = node.create_service(Trigger, '~/rollback', self.on_rollback)

    def close(self) -> None:
        """Let go of the models and the service."""
        self.is_closed = True
        self.live.close()
        self.node.destroy_service(self.service)

    async def change(self, name: str) -> str:
        """Swap in another model's dynamics; return why not, or an empty text.

        Reading, verifying and warming up happen in a thread of their own, ticks go on meanwhile,
        and the swap falls between two of them.
        """
        log = self.node.get_logger()
        if self.is_loading:
            return 'another model is being loaded; try again when it is there'
        self.is_loading = True
        try:
            loading = self.live.load(name)
            await Until(loading)
            candidate = loading.result()
        except SimdistError as error:
            log.warning(f'{error}; {describe_model(self.live.running)} plans on')
            return str(error)
        except Exception as error:  # a folder may fail in any way; the robot walks on
            log.error(f'{name}: cannot be loaded ({error!r})')
            return f'{name}: cannot be loaded ({error!r})'
        finally:
            self.is_loading = False
        if self.is_closed:
            return 'the planner was cleaned up meanwhile; configure it, then set the model again'
        log.info(self.live.use(candidate))
        return ''

    def on_rollback(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Go back to the model before."""
        try:
            response.message = self.live.roll_back('asked for')
        except ConfigError as error:
            response.message = str(error)
            return response
        response.success = True
        self.node.get_logger().info(response.message)
        self.note_model()
        return response

    def note_model(self) -> None:
        """Let the parameter name the model that plans."""
        folder = str(self.live.running.folder)
        self.node.set_parameters([Parameter('model', Parameter.Type.STRING, folder)])

    def watch(self, observation: Observation | None, plan: Plan) -> None:
        """Show the model that plans what happened; it may be taken back for it."""
        if plan.doubts_belief != self.doubts_belief:
            self.doubts_belief = plan.doubts_belief
            self.node.get_logger().info(DOUBTED if plan.doubts_belief else BELIEVED)
        if observation is None:
            return
        rollbacks = self.live.num_rollbacks
        said = self.live.note(observation)
        if said:
            self.warn('live model', said)
        if self.live.num_rollbacks != rollbacks:
            self.note_model()
