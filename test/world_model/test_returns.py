from __future__ import annotations

import torch

from simdist_ros.core.discount import DISCOUNT
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.rl.ppo import PpoSettings
from simdist_ros.world_model.returns import discounted_return


def test_training_search_and_judges_discount_alike():
    assert MppiSettings().gamma == PpoSettings().discount == DISCOUNT
    rewards, value = torch.tensor([[1.0, 1.0]]), torch.tensor([1.0])
    assert torch.equal(
        discounted_return(rewards, value), discounted_return(rewards, value, DISCOUNT)
    )


def test_return_discounts_each_reward_and_the_value_by_its_own_step():
    rewards = torch.tensor([[1.0, 2.0, 4.0], [0.0, 0.0, 0.0]])
    returns = discounted_return(rewards, torch.tensor([16.0, 8.0]), gamma=0.5)
    # 1 + 2 / 2 + 4 / 4 + 16 / 8: the value after three rewards stands at gamma^3
    torch.testing.assert_close(returns, torch.tensor([5.0, 1.0]))


def test_return_of_a_horizon_of_one_is_reward_and_discounted_value():
    returns = discounted_return(torch.tensor([[3.0]]), torch.tensor([10.0]), gamma=0.9)
    torch.testing.assert_close(returns, torch.tensor([12.0]))


def test_return_without_a_future_is_the_first_reward():
    returns = discounted_return(torch.tensor([[3.0, 5.0]]), torch.tensor([7.0]), gamma=0.0)
    torch.testing.assert_close(returns, torch.tensor([3.0]))


def test_return_without_a_discount_is_the_plain_sum():
    returns = discounted_return(torch.tensor([[3.0, 5.0]]), torch.tensor([7.0]), gamma=1.0)
    torch.testing.assert_close(returns, torch.tensor([15.0]))
