"""What a world model is worth on held-out transitions: errors, calibration, foresight of falls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simdist_ros.core.observation import PROPRIO_TERMS
from simdist_ros.core.robot import Robot
from simdist_ros.pretraining.losses import Batch
from simdist_ros.transitions.windows import Windows, WindowSampler
from simdist_ros.world_model.model import WorldModel

__all__ = ['Calibration', 'Foresight', 'OpenLoop', 'area_under_curve', 'foresee', 'open_loop']

Array = NDArray[np.floating[Any]]

GAMMA = 0.99
CHUNK = 256
RIDGE = 1e-3
BINS = 10
WARNING_S = 1.0  # how long before a fall it should be foreseen


@dataclass(frozen=True, kw_only=True)
class OpenLoop:
    """Errors of k + 1 steps ahead at index k, with the actions that were really taken.

    Attributes:
        latent_share: Squared error of the latents over their variance.
        joint_pos_rad: Root mean square error, read off the latents by a linear map.
        joint_vel_radps: The same of velocities.
        probe_pos_rad: The same map's error on the true latents: what it cannot read.
        held_pos_rad: Error of expecting the joints to stay where they are.
    """

    latent_share: list[float]
    joint_pos_rad: list[float]
    joint_vel_radps: list[float]
    probe_pos_rad: list[float]
    held_pos_rad: list[float]


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Predicted and real returns of the horizon, both with a value at its end.

    Attributes:
        predicted: Mean of each tenth of the windows, in rising order of the prediction.
        real: Mean of the same windows.
        correlation: Of prediction and reality over all windows.
        bias: Mean of prediction minus reality.
        rmse: Root mean square of that.
    """

    predicted: list[float]
    real: list[float]
    correlation: float
    bias: float
    rmse: float


@dataclass(frozen=True, kw_only=True)
class Foresight:
    """How well the predicted return tells who will fall `WARNING_S` later.

    Attributes:
        auc: Share of pairs of a fall and a success that it orders rightly.
        critic_auc: The same for the expert's critic, which sees what no sensor says; NaN where
            there is none.
        falls: Predicted returns before falls.
        successes: Predicted returns at least as long before the end of what did not fall.
    """

    auc: float
    critic_auc: float
    falls: list[float]
    successes: list[float]


def area_under_curve(low: Array, high: Array) -> float:
    """Return the share of pairs in which the first is lower, ties counting half; NaN for none."""
    if not len(low) or not len(high):
        return float('nan')
    difference = np.asarray(high)[None, :] - np.asarray(low)[:, None]
    return float((difference > 0).mean() + 0.5 * (difference == 0).mean())


@torch.inference_mode()
def open_loop(
    model: WorldModel, robot: Robot, windows: WindowSampler, fitting: WindowSampler, size: int
) -> tuple[OpenLoop, Calibration]:
    """Predict held-out windows with the actions that were taken.

    Args:
        model: In evaluation mode.
        robot: Whose observations they are.
        windows: Those held out.
        fitting: Those of the training, for the linear map from latents to joints.
        size: Number of each to use.
    """
    probe = fit_probe(model, robot, fitting, size)
    pos, vel = term_slice(robot, 'joint_pos'), term_slice(robot, 'joint_vel')
    split = pos.stop - pos.start
    sums: dict[str, Array] = {}
    returns = []
    for part in chunks(windows, size):
        batch = Batch.from_windows(part)
        future, target, latents, predicted, real = predict(model, batch)
        weight = torch.as_tensor(part.is_known, dtype=torch.float32)
        joints = torch.cat([future[..., pos], future[..., vel]], dim=-1)
        read, possible = apply_probe(probe, latents), apply_probe(probe, target)
        held = batch.proprio_obs[:, model.architecture.history_steps, pos].unsqueeze(1)
        errors = {
            'latent': (latents - target).square().mean(-1),
            'spread': (target - target.mean((0, 1))).square().mean(-1),
            'pos': (read - joints)[..., :split].square().mean(-1),
            'vel': (read - joints)[..., split:].square().mean(-1),
            'probe': (possible - joints)[..., :split].square().mean(-1),
            'held': (held - joints[..., :split]).square().mean(-1),
            'count': torch.ones_like(weight),
        }
        for name, error in errors.items():
            sums[name] = sums.get(name, 0.0) + (error * weight).sum(0).double().numpy()
        returns.append(torch.stack([predicted, real]).numpy())
    mean = {name: total / np.maximum(sums['count'], 1.0) for name, total in sums.items()}
    ahead = OpenLoop(
        latent_share=(mean['latent'] / mean['spread'].mean()).tolist(),
        joint_pos_rad=np.sqrt(mean['pos']).tolist(),
        joint_vel_radps=np.sqrt(mean['vel']).tolist(),
        probe_pos_rad=np.sqrt(mean['probe']).tolist(),
        held_pos_rad=np.sqrt(mean['held']).tolist(),
    )
    return ahead, calibrate(*np.concatenate(returns, axis=1).astype(float))


def predict(model: WorldModel, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return future observations, their latents, the predicted ones, both kinds of return."""
    past, steps = model.architecture.history_steps, model.architecture.horizon_steps
    future = batch.proprio_obs[:, past + 1 :]
    target = model.encode_latent(future, batch.extero_obs.unsqueeze(1))
    context = model.encode(
        batch.proprio_obs[:, : past + 1], batch.actions[:, :past], batch.extero_obs
    )
    actions = batch.actions[:, past:]
    latents = model.predict(model.memory(context), actions)
    rewards, values = model.score(context, latents, actions, batch.commands)
    discount = GAMMA ** torch.arange(steps)
    predicted = rewards @ discount + GAMMA**steps * values[:, -1]
    real = batch.rewards @ discount + GAMMA**steps * batch.next_values[:, -1]
    return future, target, latents, predicted, real


def calibrate(predicted: Array, real: Array) -> Calibration:
    """Compare predicted with real returns, (N,) each."""
    order = np.argsort(predicted)
    groups = [group for group in np.array_split(order, BINS) if len(group)]
    error = predicted - real
    return Calibration(
        predicted=[float(predicted[group].mean()) for group in groups],
        real=[float(real[group].mean()) for group in groups],
        correlation=float(np.corrcoef(predicted, real)[0, 1]),
        bias=float(error.mean()),
        rmse=float(np.sqrt(np.square(error).mean())),
    )


@torch.inference_mode()
def foresee(
    model: WorldModel, robot: Robot, windows: WindowSampler, size: int, seed: int
) -> Foresight:
    """Predict, `WARNING_S` before the end of held-out episodes, what they are still worth.

    The prediction is what a robot could make then: of its own policy, from what it has seen.

    Args:
        model: In evaluation mode.
        robot: Whose episodes they are.
        windows: Those held out.
        size: Most episodes to use.
        seed: Of the moments in episodes that did not end in a fall.
    """
    table = windows.table
    ahead = round(WARNING_S * robot.control_rate_hz)
    rng = np.random.default_rng(seed)
    chosen = np.flatnonzero(table.num_steps > ahead + windows.horizon_steps)[:size]
    last = table.num_steps[chosen] - ahead
    present = np.where(table.terminated[chosen], last, rng.integers(last))
    first = np.concatenate([[0], windows.starts[:-1]])
    numbers = first[chosen] + present
    found: list[Array] = []
    critic: list[Array] = []
    for part in np.array_split(numbers, max(1, -(-len(numbers) // CHUNK))):
        if len(part):
            batch = windows.gather(part)
            found.append(policy_return(model, batch))
            values = batch.next_values
            critic.append(np.zeros(len(part)) if values is None else values[:, 0])
    returns: Array = np.concatenate(found) if found else np.zeros(0)
    worth: Array = np.concatenate(critic) if critic else np.zeros(0)
    falls = table.terminated[chosen]
    return Foresight(
        auc=area_under_curve(returns[falls], returns[~falls]),
        critic_auc=area_under_curve(worth[falls], worth[~falls]),
        falls=returns[falls].tolist(),
        successes=returns[~falls].tolist(),
    )


def policy_return(model: WorldModel, windows: Windows) -> Array:
    """Return what the model expects of its own policy, the command as it is now, (B,)."""
    a = model.architecture
    past = a.history_steps
    context = model.encode(
        torch.tensor(windows.proprio_obs[:, : past + 1]),
        torch.tensor(windows.actions[:, :past]),
        torch.tensor(windows.extero_obs),
    )
    commands = torch.tensor(windows.commands[:, :1]).expand(-1, a.horizon_steps + 1, -1)
    actions = model.policy_prior(context, commands)
    latents = model.predict(model.memory(context), actions)
    rewards, values = model.score(context, latents, actions, commands)
    discount = GAMMA ** torch.arange(a.horizon_steps)
    returns = rewards @ discount + GAMMA**a.horizon_steps * values[:, -1]
    return returns.double().numpy()


def chunks(windows: WindowSampler, size: int) -> list[Windows]:
    """Read evenly spaced windows, a few hundred at a time."""
    numbers = np.unique(np.linspace(0, len(windows) - 1, size).astype(np.int64))
    return [windows.gather(part) for part in np.array_split(numbers, -(-len(numbers) // CHUNK))]


def term_slice(robot: Robot, wanted: str) -> slice:
    """Return where a term lies in the proprioceptive observation; empty if it is not there."""
    start = 0
    for term in robot.proprio_obs:
        size = PROPRIO_TERMS[term][0](robot)
        if term == wanted:
            return slice(start, start + size)
        start += size
    return slice(0, 0)


def fit_probe(model: WorldModel, robot: Robot, windows: WindowSampler, size: int) -> Tensor:
    """Fit joint positions and velocities to true latents by ridge regression, (D + 1, 2 J)."""
    pos, vel = term_slice(robot, 'joint_pos'), term_slice(robot, 'joint_vel')
    inputs, outputs = [], []
    for part in chunks(windows, size):
        now = torch.as_tensor(part.proprio_obs[:, model.architecture.history_steps])
        inputs.append(model.encode_latent(now, torch.as_tensor(part.extero_obs)))
        outputs.append(torch.cat([now[:, pos], now[:, vel]], dim=-1))
    x, y = torch.cat(inputs).double(), torch.cat(outputs).double()
    x = torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], dim=-1)
    gram = x.T @ x + RIDGE * torch.eye(x.shape[1], dtype=x.dtype)
    probe: Tensor = torch.linalg.solve(gram, x.T @ y)
    return probe.float()


def apply_probe(probe: Tensor, latents: Tensor) -> Tensor:
    """Return the joints that latents (..., D) speak of, (..., 2 J)."""
    return latents @ probe[:-1] + probe[-1]
