"""What a user chooses about the policy head's lessons on its own walks."""

from __future__ import annotations

from dataclasses import dataclass

from simdist_ros.core.settings import Settings, seed_setting, setting

__all__ = ['IMITATE_PRESETS', 'ImitateSettings']


@dataclass(frozen=True, kw_only=True)
class ImitateSettings(Settings):
    """How often it walks, and how long it learns from that."""

    seed: int = seed_setting(0, 'Of the walks, the windows drawn and the noise.')
    num_rounds: int = setting(8, 'Rounds of walking, each followed by learning.', low=1)
    num_robots: int = setting(128, 'Robots that walk at once.', low=2)
    rollout_steps: int = setting(500, 'Steps that each robot walks in a round.', low=2)
    round_steps: int = setting(500, 'Gradient steps in a round, on all walks so far.', low=1)
    batch_size: int = setting(128, 'Windows in a gradient step.', low=1)
    peak_rate: float = setting(
        1e-3, 'Learning rate at first; it falls linearly to zero.', low=1e-8, high=1.0
    )
    noise_scale: float = setting(
        1.0, "Factor on the observation noise, as the training's.", low=0.0, high=10.0
    )
    max_grad_norm: float = setting(1.0, 'Norm to which gradients are clipped.', low=1e-6)

    @property
    def num_steps(self) -> int:
        """Gradient steps in all rounds."""
        return self.num_rounds * self.round_steps


IMITATE_PRESETS = {
    'smoke': ImitateSettings(
        num_rounds=2, num_robots=8, rollout_steps=60, round_steps=6, batch_size=32
    ),
    'cpu': ImitateSettings(),
    'gpu': ImitateSettings(num_rounds=12, num_robots=1024, round_steps=2000, batch_size=512),
}
