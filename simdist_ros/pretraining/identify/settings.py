"""What a user chooses about the identifier's windows and its training."""

from __future__ import annotations

from dataclasses import dataclass

from simdist_ros.core.settings import (
    Settings,
    refuse_reversed_range,
    seed_setting,
    setting,
)

__all__ = ['IDENTIFY_PRESETS', 'IdentifySettings']


@dataclass(frozen=True, kw_only=True)
class IdentifySettings(Settings):
    """How many windows of which walks, and how long it learns from them."""

    seed: int = seed_setting(2, 'Of the walks, the order of the windows and the first weights.')
    num_robots: int = setting(512, 'Robots that walk at once.', low=8)
    rollout_steps: int = setting(2000, 'Steps that each robot walks, in several episodes.', low=50)
    episode_steps: int = setting(
        150,
        'Longest episode; each has another fault, and many faults count for more than long walks.',
        low=50,
    )
    ahead_share: float = setting(
        0.6,
        'Share of the episodes that walk straight ahead; the others have all commands.',
        low=0.0,
        high=1.0,
    )
    ahead_low_mps: float = setting(0.3, 'Slowest walk ahead.', unit='m/s', low=0.0)
    ahead_high_mps: float = setting(1.0, 'Fastest walk ahead.', unit='m/s', low=0.0)
    window_interval: int = setting(10, 'Steps between the ends of two windows.', low=1)
    action_noise: float = setting(
        0.1, 'Standard deviation of the noise of actions, policy units.', low=0.0, high=2.0
    )
    noisy_share: float = setting(0.6, 'Share of the steps with that noise.', low=0.0, high=1.0)
    hidden_share: float = setting(
        0.5, 'Share of episodes whose expert is told nothing.', low=0.0, high=1.0
    )
    wrong_share: float = setting(
        0.25, 'Share of episodes whose expert is told of another robot.', low=0.0, high=1.0
    )
    num_steps: int = setting(4000, 'Gradient steps.', low=1)
    batch_size: int = setting(256, 'Windows in a gradient step.', low=8)
    most_windows: int = setting(8, 'Largest number of windows of which one belief is read.', low=1)
    peak_rate: float = setting(
        1e-3, 'Learning rate at first; it falls to a twentieth.', low=1e-8, high=1.0
    )
    weight_decay: float = setting(0.03, 'Of AdamW.', low=0.0, high=1.0)
    held_out: float = setting(0.1, 'Share of the episodes that measure it.', low=0.01, high=0.5)

    def __post_init__(self) -> None:
        """Check the order of the speeds."""
        super().__post_init__()
        refuse_reversed_range(self, 'ahead_low_mps', 'ahead_high_mps')


IDENTIFY_PRESETS = {
    'smoke': IdentifySettings(
        num_robots=16, rollout_steps=130, episode_steps=60, num_steps=20, batch_size=32
    ),
    'cpu': IdentifySettings(),
    'gpu': IdentifySettings(num_robots=1024, rollout_steps=5000, num_steps=20_000),
}
