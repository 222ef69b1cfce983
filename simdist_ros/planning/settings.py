"""What a user chooses about the planner."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from simdist_ros.core.discount import DISCOUNT
from simdist_ros.core.settings import Settings, setting
from simdist_ros.embodiment.robot import Robot
from simdist_ros.tasks.choice import task_of

__all__ = ['MppiSettings', 'search_for']


@dataclass(frozen=True, kw_only=True)
class MppiSettings(Settings):
    """Sizes and distribution of the search."""

    num_samples: int = setting(
        0,
        'Candidates drawn around the mean in each iteration (K), besides what the policy '
        'proposes. Noise on joints pays only where a model can tell such candidates apart.',
        low=0,
        high=100_000,
    )
    num_iterations: int = setting(
        1, 'Most iterations in a tick; 0 uses the policy prior alone.', low=0, high=100
    )
    num_policy_samples: int = setting(
        0, 'Further candidates in each iteration: the policy prior with noise.', low=0, high=10_000
    )
    uses_expert: bool = setting(
        True,
        'Every proposal begins with what the expert does now, where the model carries one; off: '
        "the policy head's own first action, after which the robot falls more often.",
    )
    uses_belief: bool = setting(
        True,
        'The expert is told what is different about this robot, where the model carries such a '
        'belief; off: that the robot is as its description says.',
    )
    elite_fraction: float = setting(
        0.14,
        'Share of the candidates that shape the next mean; 64 of 128 or 9 of 64 make a Go2 fall.',
        low=1e-4,
        high=1.0,
    )
    inverse_temperature: float = setting(
        30.0,
        'Weight of an elite or a proposal is exp(this * return); 0: plain mean.',
        low=0.0,
        high=1e6,
    )
    gamma: float = setting(DISCOUNT, 'Discount of one step.', low=0.0, high=1.0)
    initial_std: float = setting(
        0.05, 'Spread of the first candidates, in actions.', low=1e-6, high=10.0
    )
    prior_pull: float = setting(
        0.8,
        'How far each tick pulls the last plan back to the policy prior: 0 keeps it, 1 discards '
        'it. A plan that is kept as it is drifts, over many ticks, away from the training '
        'data, where predicted returns are too optimistic, and the robot falls.',
        low=0.0,
        high=1.0,
    )
    min_std: float = setting(
        0.03, 'Spread below which no iteration goes, in actions.', low=1e-6, high=10.0
    )
    num_command_steps: int = setting(
        1,
        'Number of scaled-up and scaled-down commands (each) whose policy actions are proposed '
        'besides those of the wanted command, around the best so far.',
        low=0,
        high=10,
    )
    command_step: float = setting(
        0.3,
        'Step between scaled commands, in standard deviations of the training commands.',
        low=1e-3,
        high=2.0,
    )
    command_reach: float = setting(
        0.5,
        'Largest distance of a scaled command from the wanted one, in the same unit.',
        low=0.0,
        high=4.0,
    )
    command_penalty: float = setting(
        0.05,
        'Subtracted from the return of a proposal whose command is one standard deviation from '
        'the wanted one; grows with the square of that distance, so that the wanted command wins '
        'where predicted returns hardly differ.',
        low=0.0,
        high=100.0,
    )
    command_settling_steps: int = setting(
        50,
        'Steps after the command changed in which only the wanted command is proposed: while the '
        'robot accelerates, the policy is more reliable than predicted returns.',
        low=0,
        high=1000,
    )
    noise_correlation: float = setting(
        0.0,
        'Correlation of the noise of one step with that of the next; 0 is white. Smooth noise '
        'moves a joint far enough to matter.',
        low=0.0,
        high=0.999,
    )
    reuses_elites: bool = setting(
        False, 'Elites of one iteration compete in the next too; they cost nothing.'
    )
    std_momentum: float = setting(
        0.0,
        'Share of the spread that an iteration keeps of the one before, so that it does not '
        'collapse onto a few lucky elites.',
        low=0.0,
        high=0.99,
    )
    explore_share: float = setting(
        0.0,
        'Share of the ticks in which a proposal, taken at random, is followed as it was planned: '
        'for walks that become training data. The robot walks less well meanwhile.',
        low=0.0,
        high=0.9,
    )
    explore_steps: int = setting(
        16,
        'Longest such trial; the horizon must be 4 steps and `mppi.plan_delay_steps` longer.',
        low=1,
        high=100,
    )
    plan_delay_steps: int = setting(
        0,
        'Steps between an observation and the first step of the plan that answers it; the actions '
        'of those steps are already decided and are not searched.',
        low=0,
        high=10,
    )
    budget_ms: float = setting(
        0.0, 'Time for a plan, kept by doing fewer iterations; 0: no limit.', unit='ms', low=0.0
    )

    @property
    def num_drawn(self) -> int:
        """Candidates of one iteration that need noise."""
        return self.num_samples + self.num_policy_samples

    @property
    def num_candidates(self) -> int:
        """Candidates scored in one iteration: samples, noised prior, the mean and the prior."""
        return self.num_drawn + 2

    @property
    def num_elites(self) -> int:
        """Candidates that shape the next mean, at least one."""
        return max(1, round(self.elite_fraction * self.num_candidates))


def search_for(robot: Robot, settings: MppiSettings) -> MppiSettings:
    """Return a search whose proposals suit the task of a robot.

    More or less of a velocity may be followed better than the one that is wanted; more or less of
    a place is another place.
    """
    if task_of(robot).scales_commands:
        return settings
    return dataclasses.replace(settings, num_command_steps=0)
