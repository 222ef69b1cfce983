"""The sizes of a world model: what ``model.yaml`` holds."""

from __future__ import annotations

from dataclasses import dataclass

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.settings import setting
from simdist_ros.world_model.encoders.sizes import ModalitySizes, obs_dims

__all__ = ['Architecture']


@dataclass(frozen=True, kw_only=True)
class Architecture(ModalitySizes):
    """Every size of a world model; the defaults are those of the published Go2 model."""

    history_steps: int = setting(25, 'H, past steps that the encoder sees.', low=1)
    horizon_steps: int = setting(25, 'T, future steps that the dynamics predict.', low=1)
    latent_dim: int = setting(64, 'Size of a latent and of every token.', low=1)
    proprio_obs_dim: int = setting(35, 'Size of the proprioceptive observation.', low=1)
    action_dim: int = setting(12, 'Size of an action.', low=1)
    command_dim: int = setting(3, 'Size of a command.', low=1)
    encoder_layers: int = setting(2, 'Hidden layers of the encoder MLPs.', low=0)
    encoder_factor: int = setting(2, 'Width of these layers over `latent_dim`.', low=1)
    attention_factor: int = setting(
        4, 'Width of the MLP in each attention block over `latent_dim`.', low=1
    )
    dynamics_layers: int = setting(2, 'Attention blocks of the dynamics.', low=1)
    dynamics_heads: int = setting(8, 'Attention heads of the dynamics.', low=1)
    policy_layers: int = setting(4, 'Attention blocks of the policy prior.', low=1)
    policy_heads: int = setting(8, 'Attention heads of the policy prior.', low=1)
    reward_layers: int = setting(1, 'Attention blocks of the reward head.', low=1)
    reward_heads: int = setting(4, 'Attention heads of the reward head.', low=1)
    value_layers: int = setting(1, 'Attention blocks of the value head.', low=1)
    value_heads: int = setting(4, 'Attention heads of the value head.', low=1)

    def __post_init__(self) -> None:
        """Check what concerns more than one size."""
        super().__post_init__()
        for part in ('dynamics', 'policy', 'reward', 'value'):
            heads = getattr(self, f'{part}_heads')
            if self.latent_dim % heads:
                raise ConfigError(
                    f'Architecture.{part}_heads is {heads}; '
                    f'it must divide latent_dim {self.latent_dim}'
                )

    @property
    def extero_obs_dim(self) -> int:
        """Size of the exteroceptive observation; 0 where nothing is seen of the surroundings."""
        return sum(obs_dims(self).values())

    @property
    def encoder_hidden(self) -> tuple[int, ...]:
        """Widths of the hidden layers of the encoder MLPs."""
        return (self.encoder_factor * self.latent_dim,) * self.encoder_layers
