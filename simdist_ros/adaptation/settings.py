"""What a user chooses about finetuning and about the gate."""

from __future__ import annotations

from dataclasses import dataclass

from simdist_ros.core.settings import Settings, seed_setting, setting

__all__ = ['METHODS', 'FinetuneSettings', 'GateSettings', 'NominalSettings']

METHODS = ('dynamics', 'residual', 'all', 'policy')


@dataclass(frozen=True, kw_only=True)
class FinetuneSettings(Settings):
    """Everything that the finetuned weights depend on, apart from the model and the data."""

    method: str = setting(
        'dynamics',
        'What is trained: dynamics; a residual on their latents; all weights, or the policy prior '
        'on the executed actions (both only to compare with).',
        choices=METHODS,
    )
    seed: int = seed_setting(0, 'Of the windows drawn and of new weights.')
    batch_size: int = setting(32, 'Windows in a step.', low=1, high=4096)
    max_steps: int = setting(
        800, 'Most gradient steps; the learning rate falls to zero by the last of them.', low=1
    )
    dynamics_rate: float = setting(
        1e-3, 'Highest learning rate of `dynamics`.', low=1e-8, high=1.0
    )
    residual_rate: float = setting(
        3e-3, 'Highest learning rate of `residual`.', low=1e-8, high=1.0
    )
    all_rate: float = setting(3e-4, 'Highest learning rate of `all`.', low=1e-8, high=1.0)
    policy_rate: float = setting(3e-4, 'Highest learning rate of `policy`.', low=1e-8, high=1.0)
    residual_hidden: int = setting(256, 'Hidden units of a new residual.', low=1, high=4096)
    residual_decay: float = setting(0.1, 'Weight decay of the residual.', low=0.0, high=100.0)
    max_grad_norm: float = setting(1.0, 'Norm to which gradients are clipped.', low=1e-6)
    rehearsal: float = setting(
        0.1,
        'Share of each batch that is rehearsed: pretraining data, or trials in the nominal world. '
        'More of it slows the adaptation; without any the error on nominal ground grows tenfold.',
        low=0.0,
        high=0.9,
    )
    validation_interval: int = setting(
        100, 'Steps between measurements of the error on held-out episodes.', low=1
    )
    patience: int = setting(
        6, 'Measurements without improvement after which the training stops.', low=1
    )
    min_improvement: float = setting(
        0.002, 'Smallest relative fall of the error that counts.', low=0.0, high=1.0
    )
    max_windows: int = setting(
        12_000, 'Most windows to encode, evenly spaced; 21 kB of memory each.', low=8
    )
    held_out_windows: int = setting(1000, 'Most windows of a measurement, evenly spaced.', low=1)
    num_threads: int = setting(1, 'CPU threads.', low=1, high=64)
    identifies: bool = setting(
        True,
        "What is different about the robot is identified from the same data, for the model's "
        'expert, where the model carries an identifier; off: the belief of the parent stays.',
    )

    identify_s: float = setting(
        90.0,
        'The newest walking, of which the robot is identified, so that a repaired one is noticed.',
        unit='s',
        low=1.0,
    )
    refine_rounds: int = setting(
        5,
        'How often the belief is changed until robots that have it, in simulation, are identified '
        'as the real one was; 0: the belief is what the identifier tells.',
        low=0,
        high=100,
    )
    practice_steps: int = setting(
        250_000,
        'Steps for which the expert practises in simulation, as the robot that was identified; 0: '
        'it stays as it is. Only where the model carries an identifier, and where the identified '
        'robot earns less than a healthy one.',
        low=0,
    )

    @property
    def rate(self) -> float:
        """Learning rate of the method."""
        rate: float = getattr(self, f'{self.method}_rate')
        return rate


@dataclass(frozen=True, kw_only=True)
class GateSettings(Settings):
    """What a candidate must keep to be accepted."""

    max_forgetting: float = setting(
        0.1,
        'Largest relative rise of the error on reference data, by the upper end of its interval.',
        low=0.0,
        high=10.0,
    )
    max_rank_loss: float = setting(
        0.1,
        'Largest fall of the rank correlation of predicted returns and recorded outcomes.',
        low=0.0,
        high=2.0,
    )
    max_fall_rise: float = setting(
        0.5,
        'Largest rise of the predicted return of plans that ended in a fall, in standard '
        'deviations of the predicted returns of the others.',
        low=0.0,
        high=10.0,
    )
    max_beyond_limits: float = setting(
        0.05,
        'Largest rise of the share of planned joint targets beyond the limits of the joints.',
        low=0.0,
        high=1.0,
    )
    num_windows: int = setting(2000, 'Most windows of each comparison.', low=2)
    num_plans: int = setting(20, 'Recorded observations to plan from.', low=1)
    max_nominal_loss: float = setting(
        0.03,
        'Largest relative fall of the reward of a healthy robot that acts by the new belief and '
        'expert, by the upper end of its interval.',
        low=0.0,
        high=1.0,
    )
    num_walks: int = setting(
        24, 'Simulated robots that walk to judge a belief or an expert.', low=2, high=1000
    )
    rollout_s: float = setting(8.0, 'How long they walk.', unit='s', low=0.1, high=600.0)


@dataclass(frozen=True, kw_only=True)
class NominalSettings(Settings):
    """Walks in the nominal world: what the model could do before, to rehearse and to judge by."""

    rounds: int = setting(
        3,
        'How often each command is tried: the last round judges what was forgotten, those before '
        'are rehearsed; 0: no such trials.',
        low=0,
        high=100,
    )
    rollout_s: float = setting(8.0, 'Length of each trial.', unit='s', low=0.5, high=600.0)
