"""How much of everything: a minute on a laptop, hours on two cores, or a GPU."""

from __future__ import annotations

from dataclasses import dataclass

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.settings import Settings, refuse_reversed_range, seed_setting, setting
from simdist_ros.pretraining.collect.action_noise import BURST_STEPS, CLEAN_STEPS
from simdist_ros.rl.ppo import PpoSettings

__all__ = ['COLLECT_PRESETS', 'EXPERT_PRESETS', 'CollectSettings', 'ExpertSettings']


@dataclass(frozen=True, kw_only=True)
class ExpertSettings(PpoSettings):
    """What the expert depends on, apart from the robot and its recipe."""

    num_robots: int = setting(256, 'Robots that walk at once.', low=2)
    total_steps: int = setting(
        13_700_000,
        'Steps of all robots together; 0 takes the expert of `init` as it is, for beliefs.',
        low=0,
    )
    narrow_steps: int = setting(
        10_000_000, 'Steps in the worlds of the data; the rest is in the wider ones.', low=0
    )
    blend: float = setting(
        0.5,
        'Share of the last weights in those of the expert; the rest are those from before the '
        'wider worlds.',
        low=0.0,
        high=1.0,
    )
    episode_steps: int = setting(500, 'Longest episode.', low=2)
    ramp_steps: int = setting(
        1_500_000, 'Steps until penalties and commands count in full.', low=1
    )
    first_penalty: float = setting(0.3, 'Share of the penalties at first.', low=0.0, high=1.0)
    first_commands: float = setting(
        0.5, 'Share of the range of commands at first.', low=0.0, high=1.0
    )
    world: str = setting(
        '',
        'World, by name or file, whose body, contacts and lag all robots have, on level ground: '
        'what can be reached there; empty: those of the recipe.',
    )
    init: str = setting(
        '',
        'File of an expert whose actor and critic the training begins with, with penalties and '
        'commands in full; empty: random weights.',
    )
    belief_steps: int = setting(
        0,
        'Further steps, of robots with faults whose expert is told what they are; 0: it takes no '
        'beliefs.',
        low=0,
    )
    belief_rate: float = setting(
        2e-4, 'Learning rate at the start of these steps.', low=1e-6, high=1.0
    )
    belief_hidden_share: float = setting(
        0.2, 'Share of episodes in which nothing is told: a belief of zeros.', low=0.0, high=1.0
    )
    belief_blurred_share: float = setting(
        0.15, 'Share of episodes in which the belief is not exact.', low=0.0, high=1.0
    )
    belief_stale_share: float = setting(
        0.2,
        'Share of the episodes of healthy robots in which the fault of another one is told, as '
        'after a repair.',
        low=0.0,
        high=1.0,
    )
    belief_blend: float = setting(
        1.0,
        'Where `init` takes beliefs: share of the way from there to the actor after these steps; '
        'less keeps more of what that one could do.',
        low=0.0,
        high=1.0,
    )
    policies_kept: int = setting(11, 'Earlier policies kept for the collection.', low=1)
    checkpoint_s: float = setting(30.0, 'Time between checkpoints.', unit='s', low=0.0, high=60.0)
    seed: int = seed_setting(0, 'Of all that is random.')

    def __post_init__(self) -> None:
        """Refuse an expert that would learn nothing, and shares beyond one."""
        super().__post_init__()
        if not self.total_steps and not (self.init and self.belief_steps):
            raise ConfigError(
                'ExpertSettings.total_steps is 0, which needs an expert in init and belief_steps '
                'above 0; set them, or total_steps'
            )
        told = self.belief_hidden_share + self.belief_blurred_share
        if not told <= 1.0:
            raise ConfigError(
                f'ExpertSettings: belief_hidden_share and belief_blurred_share are {told:g} '
                'together, expected at most 1; lower one'
            )


@dataclass(frozen=True, kw_only=True)
class CollectSettings(Settings):
    """What the data depend on, apart from the robot, its recipe and its expert."""

    total_steps: int = setting(2_000_000, 'Transitions in all shards together.', low=1)
    num_robots: int = setting(256, 'Robots that walk at once.', low=2)
    episode_steps: int = setting(500, 'Longest episode.', low=2)
    shard_steps: int = setting(128_000, 'Transitions in a shard.', low=1)
    expert_share: float = setting(
        0.5, 'Share of the episodes that the expert acts in.', low=0.0, high=1.0
    )
    noise_low: float = setting(0.05, 'Smallest noise of a burst, policy units.', low=0.0)
    noise_high: float = setting(2.5, 'Largest noise of a burst, policy units.', low=0.0)
    burst_steps: int = setting(BURST_STEPS[1], 'Longest burst.', low=1)
    clean_low_steps: int = setting(CLEAN_STEPS[0], 'Shortest stretch between two bursts.', low=1)
    clean_high_steps: int = setting(CLEAN_STEPS[1], 'Longest stretch between two bursts.', low=1)
    never_noised: float = setting(0.025, 'Share of robots without bursts.', low=0.0, high=1.0)
    seed: int = seed_setting(1, 'Of all that is random.')

    def __post_init__(self) -> None:
        """Check the order of the range."""
        super().__post_init__()
        refuse_reversed_range(self, 'noise_low', 'noise_high')
        refuse_reversed_range(self, 'clean_low_steps', 'clean_high_steps')


EXPERT_PRESETS = {
    'smoke': ExpertSettings(
        num_robots=16,
        horizon_steps=16,
        total_steps=16 * 16 * 12,
        episode_steps=100,
        ramp_steps=1000,
        policies_kept=3,
    ),
    'cpu': ExpertSettings(),
    'gpu': ExpertSettings(
        num_robots=1024, total_steps=60_000_000, narrow_steps=45_000_000, ramp_steps=4_000_000
    ),
}
COLLECT_PRESETS = {
    'smoke': CollectSettings(total_steps=3200, num_robots=16, episode_steps=100, shard_steps=1600),
    'cpu': CollectSettings(),
    'gpu': CollectSettings(total_steps=20_000_000, num_robots=1024),
}
