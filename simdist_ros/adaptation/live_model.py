"""The model that plans: exchanged between two ticks, watched, and taken back if it is worse."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import NamedTuple

from simdist_ros.adaptation.live_error import RecentTicks, WatchSettings, fewest_ticks, live_errors
from simdist_ros.core.errors import ConfigError
from simdist_ros.core.priority_gate import PriorityGate
from simdist_ros.core.scheduling import step_behind
from simdist_ros.embodiment.robot import Robot
from simdist_ros.planning.backends.backend import NewParts
from simdist_ros.planning.candidate_model import Candidate, load_candidate
from simdist_ros.planning.plan import Observation
from simdist_ros.planning.planner import Planner
from simdist_ros.world_model.store.checkpoint import LoadedModel

__all__ = ['LiveModel', 'describe_model']

KEPT = 4  # models to go back to


class Earlier(NamedTuple):
    """A model that can be swapped in again."""

    loaded: LoadedModel
    parts: NewParts


def describe_model(loaded: LoadedModel) -> str:
    """Return name and identity of a model, e.g. ``go2 [0123456789ab]``."""
    return f'{loaded.folder.resolve().name} [{loaded.manifest.identity}]'


class LiveModel:
    """The model of a planner that must not wait: a thread of its own reads and measures.

    Everything but `load` belongs to the thread that plans.

    Attributes:
        running: The model that plans.
        earlier: Those before it, the last one last.
        num_swaps: Models swapped in so far.
        num_rollbacks: Models taken back so far.
        last_change: What the last one of those was, in a sentence.
        error: Live prediction error of the running model; None before it was measured.
        error_before: That of the model before, on the same ticks, while they are compared.
        way: Gives the planner precedence: what must not be late runs in `way.urgent()`.
    """

    def __init__(
        self,
        planner: Planner,
        loaded: LoadedModel,
        robot: Robot,
        settings: WatchSettings,
        *,
        waits: bool = False,
    ) -> None:
        """Begin with the model that the planner was made with.

        Args:
            planner: Parts of its model will be swapped.
            loaded: Its model, as it was read.
            robot: Whose they are.
            settings: How it is watched.
            waits: Whether a tick waits for a measurement that is due, so that nothing hangs on
                how long that takes (lockstep).
        """
        self.planner, self.robot, self.settings, self.waits = planner, robot, settings, waits
        self.running = loaded
        self.earlier: deque[Earlier] = deque(maxlen=KEPT)
        self.num_swaps = self.num_rollbacks = 0
        self.last_change = ''
        self.has_other_latents = False  # than the model before, so that errors can't be compared
        self.error: float | None = None
        self.error_before: float | None = None
        rate_hz = robot.control_rate_hz
        self.period = round(settings.period_s * rate_hz)  # ticks, as all that follows
        self.duration = round(settings.duration_s * rate_hz)
        fewest = fewest_ticks(loaded.model.architecture)
        self.recent = RecentTicks(max(fewest, round(settings.window_s * rate_hz)))
        self.age = self.since_measured = 0
        self.way = PriorityGate()
        self.worker = ThreadPoolExecutor(1, thread_name_prefix='model', initializer=step_behind)
        self.measuring: Future[list[float]] | None = None

    def load(self, name: str) -> Future[Candidate]:
        """Read, verify and warm up another model in the background; nothing changes yet."""
        backend, swappable = self.planner.backend, self.running.manifest.swappable
        return self.worker.submit(
            load_candidate, name, self.robot, backend, swappable, self.way.wait
        )

    def use(self, candidate: Candidate) -> str:
        """Plan with another model from the next tick on, and say so."""
        before = Earlier(self.running, self.planner.swap(candidate.new))
        self.earlier.append(before)
        self.num_swaps += 1
        self.has_other_latents = 'encoder' in candidate.new.changed
        told = f'{describe_model(candidate.loaded)} plans from now on, after '
        return self.change(candidate.loaded, told + describe_model(before.loaded))

    def roll_back(self, reason: str) -> str:
        """Plan with the model before from the next tick on, and say so.

        Raises:
            ConfigError: There is none.
        """
        if not self.earlier:
            raise ConfigError(
                f'there is no model before {describe_model(self.running)} to go back to; set the '
                "parameter 'model' instead"
            )
        worse, (loaded, parts) = self.running, self.earlier.pop()
        self.planner.swap(parts)
        self.num_rollbacks += 1
        told = f'{describe_model(loaded)} plans again, after {describe_model(worse)}: {reason}'
        self.change(loaded, told)
        self.age = self.duration  # what comes back has been compared before
        return told

    def change(self, loaded: LoadedModel, told: str) -> str:
        """Note which model plans; what was measured was of another one."""
        self.running, self.last_change = loaded, told
        self.recent.clear()
        self.age = self.since_measured = 0
        self.error = self.error_before = None
        self.measuring = None
        return told

    def note(self, observation: Observation) -> str:
        """Take what the planner was shown in a tick; return what came of it, often nothing."""
        self.recent.add(observation)
        self.age += 1
        self.since_measured += 1
        if self.measuring is None and self.is_due:
            self.since_measured = 0
            models = [self.running.model]
            is_new = self.earlier and self.age <= self.duration
            if is_new and not self.has_other_latents:
                models.append(self.earlier[-1].loaded.model)
            ticks, most = self.recent.copy(), self.settings.num_windows
            self.measuring = self.worker.submit(live_errors, models, ticks, most, self.way.wait)
            if self.waits:
                wait([self.measuring])
        if self.measuring is None or not self.measuring.done():
            return ''
        measured, self.measuring = self.measuring, None
        return self.judge(measured)

    @property
    def is_due(self) -> bool:
        """Whether it is time to measure."""
        return bool(self.period) and self.since_measured >= self.period and self.recent.is_full

    def judge(self, measured: Future[list[float]]) -> str:
        """Take a measurement; go back to the model before if the running one is worse."""
        failure = measured.exception()
        if failure is not None:  # the robot walks on, unwatched
            return f'the live prediction error cannot be measured: {failure}'
        self.error, *others = measured.result()
        self.error_before = others[0] if others else None
        if self.error_before is None:
            return ''
        if self.error <= self.settings.max_factor * self.error_before:  # NaN fails
            return ''
        return self.roll_back(
            f'its live prediction error is {self.error:.5f}, that of the model before '
            f'{self.error_before:.5f}, over {self.settings.max_factor:g} times as much'
        )

    def values(self) -> dict[str, str | int | float]:
        """Return what diagnostics say of the model."""
        errors = {'prediction_error': self.error, 'prediction_error_before': self.error_before}
        return {
            'model': self.running.folder.resolve().name,
            'model_identity': self.running.manifest.identity,
            'model_folder': str(self.running.folder.resolve()),
            'models_to_go_back_to': len(self.earlier),
            'model_swaps': self.num_swaps,
            'model_rollbacks': self.num_rollbacks,
            'last_model_change': self.last_change,
            **{name: error for name, error in errors.items() if error is not None},
        }

    def close(self) -> None:
        """Let the background finish by itself."""
        self.worker.shutdown(wait=False, cancel_futures=True)
