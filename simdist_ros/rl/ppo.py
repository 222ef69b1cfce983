"""Proximal policy optimisation with an asymmetric critic, a mirror and an adaptive rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from simdist_ros.core.discount import DISCOUNT
from simdist_ros.core.settings import Settings, setting
from simdist_ros.jobs.errors import PretrainingError

__all__ = [
    'Experience',
    'Mirrors',
    'Network',
    'Policy',
    'Ppo',
    'PpoSettings',
    'generalised_advantages',
]

RATE_STEP = 1.2
RATE_RANGE = (2e-5, 2e-3)
MIN_STD, MAX_STD = 0.08, 1.5


@dataclass(frozen=True, kw_only=True)
class PpoSettings(Settings):
    """How the expert learns from experience."""

    horizon_steps: int = setting(24, 'Steps of each robot between two updates.', low=2)
    epochs: int = setting(4, 'Passes over the experience of an update.', low=1)
    minibatches: int = setting(4, 'Gradient steps in a pass.', low=1)
    discount: float = setting(DISCOUNT, 'Weight of the next step in the value.', low=0.0, high=1.0)
    trace_decay: float = setting(0.95, 'Lambda of the advantages.', low=0.0, high=1.0)
    clip: float = setting(0.2, 'Largest change of an action probability.', low=0.01, high=1.0)
    entropy: float = setting(0.002, 'Weight of the entropy.', low=0.0)
    rate: float = setting(5e-4, 'Learning rate at first.', low=1e-6, high=1.0)
    target_kl: float = setting(0.02, 'Divergence after an update that the rate aims at.', low=1e-5)
    max_grad_norm: float = setting(1.0, 'Norm to which gradients are clipped.', low=1e-6)


class Network(Protocol):
    """A network of an input and a map, with scales of its input that learn from experience."""

    def __call__(self, x: Tensor, extero: Tensor) -> Tensor:
        """Return actions, (B, J), or values, (B,), for inputs (B, A) and maps (B, E)."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield the weights."""

    def update_scale(self, x: Tensor) -> None:
        """Let the scales of the input learn from inputs, (B, A)."""


class Policy(Network, Protocol):
    """A network of actions with a standard deviation of each."""

    log_std: nn.Parameter

    def std(self) -> Tensor:
        """Return the standard deviations, (J,)."""


@dataclass(frozen=True)
class Mirrors:
    """The mirror image of each kind of array, for a body that has two sides, (B, ...) each."""

    actor: Callable[[Tensor], Tensor]
    critic: Callable[[Tensor], Tensor]
    extero: Callable[[Tensor], Tensor]
    action: Callable[[Tensor], Tensor]


@dataclass
class Experience:
    """T steps of N robots, time first.

    Attributes:
        actor: Input of the actor, (T, N, A).
        critic: Input of the critic, (T, N, C).
        extero: What is seen of the surroundings, (T, N, E).
        action: (T, N, J).
        mean: Of the policy that acted, (T, N, J).
        log_prob: Of the action, (T, N).
        value: Of the state before, (T + 1, N).
        reward: With the value of what a truncated episode would have led to, (T, N).
        ended: Whether the episode ended with the step, (T, N).
    """

    actor: Tensor
    critic: Tensor
    extero: Tensor
    action: Tensor
    mean: Tensor
    log_prob: Tensor
    value: Tensor
    reward: Tensor
    ended: Tensor


def generalised_advantages(
    reward: Tensor, value: Tensor, ended: Tensor, discount: float, trace_decay: float
) -> Tensor:
    """Estimate how much better each action was than expected.

    Args:
        reward: (T, N).
        value: Of the states before each step and after the last, (T + 1, N).
        ended: Whether an episode ended with the step, (T, N); its future is worth nothing.
        discount: gamma.
        trace_decay: lambda; 0 trusts the value after one step, 1 only the rewards.

    Returns:
        Advantages, (T, N).

    Source:
        Schulman et al. 2016, "High-Dimensional Continuous Control Using GAE", eq. 16.
    """
    advantage = torch.zeros_like(reward)
    running = torch.zeros_like(reward[0])
    for t in reversed(range(len(reward))):
        goes_on = 1.0 - ended[t].float()
        error = reward[t] + discount * goes_on * value[t + 1] - value[t]
        running = error + discount * trace_decay * goes_on * running
        advantage[t] = running
    return advantage


def log_prob(action: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Return the logarithm of a Gaussian's density, (B,), without its constant."""
    return -(0.5 * ((action - mean) / std) ** 2 + torch.log(std)).sum(-1)


ActorT = TypeVar('ActorT', bound=Policy)
CriticT = TypeVar('CriticT', bound=Network)


class Ppo(Generic[ActorT, CriticT]):
    """Actor, critic and their optimizer; knows nothing of what acts."""

    def __init__(
        self,
        actor: ActorT,
        critic: CriticT,
        mirrors: Mirrors | None,
        settings: PpoSettings,
        seed: int,
        device: str = 'cpu',
    ) -> None:
        """Take the networks as they are.

        Args:
            actor: On the device.
            critic: On the device.
            mirrors: Of the body's two sides, so that half of each step is seen in the mirror;
                None for a body without.
            settings: How to learn.
            seed: Of actions and of the order of the experience.
            device: Where the networks are.
        """
        self.settings, self.device = settings, device
        self.actor, self.critic, self.mirrors = actor, critic, mirrors
        self.parameters = [*actor.parameters(), *critic.parameters()]
        self.optimizer = torch.optim.Adam(self.parameters, lr=settings.rate)
        self.rate = settings.rate
        self.generator = torch.Generator().manual_seed(seed)

    @torch.no_grad()
    def act(self, x: Tensor, extero: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Draw actions; return them, (N, J), their means and log probabilities, (N,)."""
        mean, std = self.actor(x, extero), self.actor.std()
        noise = torch.randn(mean.shape, generator=self.generator).to(self.device)
        action = mean + std * noise
        return action, mean, log_prob(action, mean, std)

    def update(self, experience: Experience) -> dict[str, float]:
        """Learn from experience.

        Raises:
            PretrainingError: The loss is not finite; the weights are as before the step.
        """
        s = self.settings
        advantage = generalised_advantages(
            experience.reward, experience.value, experience.ended, s.discount, s.trace_decay
        )
        returns = (advantage + experience.value[:-1]).flatten()
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        flat = {
            name: getattr(experience, name).flatten(0, 1)
            for name in ('actor', 'critic', 'extero', 'action', 'mean', 'log_prob')
        }
        flat.update(advantage=advantage.flatten(), returns=returns)
        old_std = self.actor.std().detach().clone()
        count = len(returns)
        records = []
        for _ in range(s.epochs):
            order = torch.randperm(count, generator=self.generator).to(self.device)
            for index in order.chunk(s.minibatches):
                records.append(self.gradient_step(flat, index, old_std))
        self.show(flat)
        # The last pass's, not each step's: its swings would be as large as the rate itself.
        last = [kl for _, _, kl in records[-s.minibatches :]]
        self.adapt(sum(last) / len(last))
        means = torch.tensor(records).mean(0).tolist()
        names = ('surrogate', 'value_loss', 'kl')
        return {**dict(zip(names, means, strict=True)), 'rate': self.rate, 'std': self.mean_std()}

    def mean_std(self) -> float:
        """Return the mean standard deviation of the actions."""
        return self.actor.std().mean().item()

    def show(self, flat: dict[str, Tensor]) -> None:
        """Let the networks' scales learn from experience and from its mirror image."""
        nets: tuple[tuple[Network, str], ...] = ((self.actor, 'actor'), (self.critic, 'critic'))
        for net, name in nets:
            seen = flat[name]
            if self.mirrors is not None:
                seen = torch.cat([seen, getattr(self.mirrors, name)(seen)])
            net.update_scale(seen)

    def gradient_step(
        self, flat: dict[str, Tensor], index: Tensor, old_std: Tensor
    ) -> tuple[float, float, float]:
        """Take one step on a part of the experience; half of it is seen in the mirror."""
        s = self.settings
        part = {name: values[index] for name, values in flat.items()}
        half = len(index) // 2 if self.mirrors is not None else 0
        seen = {n: part[n].clone() for n in ('actor', 'critic', 'extero', 'action')}
        for name, values in seen.items() if half else ():
            values[:half] = getattr(self.mirrors, name)(values[:half])
        mean, std = self.actor(seen['actor'], seen['extero']), self.actor.std()
        value = self.critic(seen['critic'], seen['extero'])
        kl = divergence(part['mean'][half:], old_std, mean[half:].detach(), std.detach())
        ratio = torch.exp(log_prob(seen['action'], mean, std) - part['log_prob'])
        advantage = part['advantage']
        clipped = ratio.clamp(1.0 - s.clip, 1.0 + s.clip)
        surrogate = -torch.minimum(ratio * advantage, clipped * advantage).mean()
        value_loss = (value - part['returns']).square().mean()
        entropy = torch.log(std).sum()
        loss = surrogate + value_loss - s.entropy * entropy
        worth = loss.item()
        if not math.isfinite(worth):
            raise PretrainingError(
                f'the loss is {worth}: the expert has diverged; go on from its last '
                'checkpoint with a smaller learning rate'
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.parameters, s.max_grad_norm)
        self.optimizer.step()
        with torch.no_grad():
            self.actor.log_std.clamp_(math.log(MIN_STD), math.log(MAX_STD))
        return surrogate.item(), value_loss.item(), kl

    def adapt(self, kl: float) -> None:
        """Raise or lower the learning rate towards the wanted divergence."""
        low, high = RATE_RANGE
        if kl > 1.5 * self.settings.target_kl:
            self.rate = max(low, self.rate / RATE_STEP)
        elif kl < self.settings.target_kl / 1.5:
            self.rate = min(high, self.rate * RATE_STEP)
        for group in self.optimizer.param_groups:
            group['lr'] = self.rate


def divergence(old_mean: Tensor, old_std: Tensor, mean: Tensor, std: Tensor) -> float:
    """Return the mean KL divergence of the new Gaussian policy from the old."""
    moved = (old_std**2 + (old_mean - mean) ** 2) / (2.0 * std**2)
    return float((torch.log(std / old_std) + moved - 0.5).sum(-1).mean())
