"""Who sees what: the actor its sensors, the critic the truth."""

from __future__ import annotations

import torch

from simdist_ros.pretraining.expert.networks import actor_input, critic_input

NAMES = ('proprio_obs', 'true_proprio_obs', 'command', 'last_action', 'privileged')


def test_the_actor_sees_what_sensors_show_and_the_critic_what_is_so():
    seen = {name: torch.full((1, 1), float(number)) for number, name in enumerate(NAMES)}
    assert actor_input(seen).tolist() == [[0.0, 2.0, 3.0]]
    assert critic_input(seen).tolist() == [[1.0, 2.0, 3.0, 4.0]]
