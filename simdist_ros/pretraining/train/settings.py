"""What a user chooses about the training of a world model."""

from __future__ import annotations

from dataclasses import dataclass

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.settings import Settings, seed_setting, setting

__all__ = ['TRAIN_PRESETS', 'TrainSettings']


@dataclass(frozen=True, kw_only=True)
class TrainSettings(Settings):
    """Everything that the trained weights depend on, apart from data, robot and architecture."""

    seed: int = seed_setting(0, 'Of the first weights, the windows drawn and the noise.')
    num_steps: int = setting(40_000, 'Gradient steps.', low=1)
    batch_size: int = setting(128, 'Windows in a step, over all processes.', low=1)
    peak_rate: float = setting(1e-3, 'Learning rate after the warm-up.', low=1e-8, high=1.0)
    final_rate: float = setting(1e-5, 'Learning rate at the end of the cosine.', low=0.0, high=1.0)
    warmup_steps: int = setting(500, 'Steps until the learning rate is at its peak.', low=0)
    max_grad_norm: float = setting(1.0, 'Norm to which gradients are clipped.', low=1e-6)
    noise_scale: float = setting(
        1.0, "Factor on the observation noise; 1 is the released model's.", low=0.0, high=10.0
    )
    held_out: float = setting(
        0.02, 'Share of the episodes that is only validated on.', low=0.0, high=0.9
    )
    validation_windows: int = setting(2048, 'Windows in a validation.', low=1)
    validation_interval: int = setting(1000, 'Steps between validations.', low=1)
    precision: str = setting(
        'float32', 'Arithmetic of the matrix products.', choices=('float32', 'bfloat16')
    )
    latent_weight: float = setting(1.0, 'Weight of the error of predicted latents.', low=0.0)
    reward_weight: float = setting(1.0, 'Weight of the error of rewards.', low=0.0)
    value_weight: float = setting(1.0, 'Weight of the error of values.', low=0.0)
    action_weight: float = setting(4.0, "Weight of the error of the expert's actions.", low=0.0)

    def __post_init__(self) -> None:
        """Check what concerns more than one setting."""
        super().__post_init__()
        if self.warmup_steps > self.num_steps:
            raise ConfigError(
                f'TrainSettings.warmup_steps is {self.warmup_steps}; it must not exceed '
                f'num_steps {self.num_steps}'
            )


TRAIN_PRESETS = {
    'smoke': TrainSettings(
        num_steps=60,
        batch_size=32,
        warmup_steps=10,
        validation_windows=64,
        validation_interval=30,
        held_out=0.2,
    ),
    'cpu': TrainSettings(num_steps=26_000, warmup_steps=1000),
    'gpu': TrainSettings(
        num_steps=200_000,
        batch_size=512,
        warmup_steps=2000,
        validation_windows=8192,
        validation_interval=5000,
        precision='bfloat16',
    ),
}
