"""What a world model is worth on held-out transitions: errors, calibration, foresight of falls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simdist_ros.embodiment.observation_terms import term_slice
from simdist_ros.embodiment.robot import Robot
from simdist_ros.pretraining.train.losses import Batch
from simdist_ros.transitions.training_windows import CHUNK, Windows, WindowSampler
from simdist_ros.world_model.context_windows import context_of, true_latents
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.returns import discounted_return

__all__ = ['Calibration', 'Foresight', 'OpenLoop', 'area_under_curve', 'foresee', 'open_loop']

Array = NDArray[np.floating[Any]]

RIDGE = 1e-3
BINS = 10
WARNING_S = 1.0  # how long before a fall it should be foreseen


@dataclass(frozen=True, kw_only=True)
class OpenLoop:
    """Errors of k + 1 steps ahead at index k, with the actions that were really taken.

    Attributes:
        latent_share: Squared error of the latents over their variance.
        joint_pos_rad: Root mean square error, read off the predicted latents by linear maps, one
            for each step ahead.
        joint_vel_radps: The same of velocities.
        probe_pos_rad: The error of such a map from the true latents: what it cannot read.
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
        policy_auc: The same if the prediction is of the model's own policy instead of the actions
            that were taken; NaN where those are the same.
        critic_auc: The same for the expert's critic, which sees what no sensor says but not what
            will be done; NaN where there is none.
        falls: Predicted returns before falls.
        successes: Predicted returns at least as long before the end of what did not fall.
    """

    auc: float
    policy_auc: float
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
    joints = Joints(robot)
    ahead_of, of_truth = fit_probes(model, joints, fitting, size)
    split = joints.pos.stop - joints.pos.start
    sums: dict[str, Array] = {}
    returns = []
    for part in chunks(windows, size):
        batch = Batch.from_windows(part)
        found = predict(model, batch)
        weight = torch.as_tensor(part.is_known, dtype=torch.float32)
        wanted = joints.of(found.future)
        error = read_off(found.latents, ahead_of) - wanted
        possible = read_off(found.target, of_truth) - wanted
        now = joints.of(batch.proprio_obs[:, model.architecture.history_steps]).unsqueeze(1)
        target = found.target
        errors = {
            'latent': (found.latents - target).square().mean(-1),
            'spread': (target - target.mean((0, 1))).square().mean(-1),
            'pos': error[..., :split].square().mean(-1),
            'vel': error[..., split:].square().mean(-1),
            'probe': possible[..., :split].square().mean(-1),
            'held': (now - wanted)[..., :split].square().mean(-1),
            'count': torch.ones_like(weight),
        }
        for name, x in errors.items():
            sums[name] = sums.get(name, 0.0) + (x * weight).sum(0).double().numpy()
        returns.append(torch.stack([found.predicted_return, found.real_return]).numpy())
    mean = {name: total / np.maximum(sums['count'], 1.0) for name, total in sums.items()}
    ahead = OpenLoop(
        latent_share=(mean['latent'] / mean['spread'].mean()).tolist(),
        joint_pos_rad=np.sqrt(mean['pos']).tolist(),
        joint_vel_radps=np.sqrt(mean['vel']).tolist(),
        probe_pos_rad=np.sqrt(mean['probe']).tolist(),
        held_pos_rad=np.sqrt(mean['held']).tolist(),
    )
    return ahead, calibrate(*np.concatenate(returns, axis=1).astype(float))


class Prediction(NamedTuple):
    """What was to come and what was predicted of it, with the actions that were taken.

    Attributes:
        future: Observations, (B, T, P).
        target: Their latents, (B, T, D).
        latents: The predicted ones, (B, T, D).
        predicted_return: Of the horizon and the value at its end, (B,).
        real_return: The same from the data, (B,).
    """

    future: Tensor
    target: Tensor
    latents: Tensor
    predicted_return: Tensor
    real_return: Tensor


def predict(model: WorldModel, batch: Batch) -> Prediction:
    """Predict a batch of windows."""
    past = model.architecture.history_steps
    future, target = batch.proprio_obs[:, past + 1 :], true_latents(model, batch)
    context = context_of(model, batch)
    actions = batch.actions[:, past:]
    latents = model.predict(model.memory(context), actions)
    rewards, values = model.score(context, latents, actions, batch.commands)
    predicted = discounted_return(rewards, values[:, -1])
    real = discounted_return(batch.rewards, batch.next_values[:, -1])
    return Prediction(future, target, latents, predicted, real)


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

    The prediction is of the actions that were taken in the horizon, as for a planner's candidate:
    where a fall comes of what is done, it cannot be foreseen from the state alone.

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
    rows: list[Array] = []
    for part in np.array_split(numbers, max(1, -(-len(numbers) // CHUNK))):
        if len(part):
            drawn = windows.gather(part)
            batch = Batch.from_windows(drawn)
            taken = predict(model, batch).predicted_return.double().numpy()
            rows.append(
                np.stack([taken, policy_return(model, drawn), batch.next_values[:, 0].numpy()])
            )
    taken, own, critic = np.concatenate(rows, axis=1) if rows else np.zeros((3, 0))
    falls = table.terminated[chosen]
    return Foresight(
        auc=area_under_curve(taken[falls], taken[~falls]),
        policy_auc=area_under_curve(own[falls], own[~falls]),
        critic_auc=area_under_curve(critic[falls], critic[~falls]),
        falls=taken[falls].tolist(),
        successes=taken[~falls].tolist(),
    )


def policy_return(model: WorldModel, windows: Windows) -> Array:
    """Return what the model expects of its own policy, the command as it is now, (B,)."""
    context, steps = context_of(model, windows), model.architecture.horizon_steps
    commands = torch.tensor(windows.commands[:, :1]).expand(-1, steps + 1, -1)
    actions = model.policy_prior(context, commands)
    latents = model.predict(model.memory(context), actions)
    rewards, values = model.score(context, latents, actions, commands)
    return discounted_return(rewards, values[:, -1]).double().numpy()


def chunks(windows: WindowSampler, size: int) -> list[Windows]:
    """Read evenly spaced windows, a few hundred at a time."""
    numbers = np.unique(np.linspace(0, len(windows) - 1, size).astype(np.int64))
    return [windows.gather(part) for part in np.array_split(numbers, -(-len(numbers) // CHUNK))]


class Joints:
    """Where the joints are in the proprioceptive observation."""

    def __init__(self, robot: Robot) -> None:
        """Find positions and velocities."""
        self.pos = term_slice(robot, 'joint_pos')
        self.vel = term_slice(robot, 'joint_vel')

    def of(self, proprio_obs: Tensor) -> Tensor:
        """Return positions and velocities, (..., 2 J), of observations (..., P)."""
        return torch.cat([proprio_obs[..., self.pos], proprio_obs[..., self.vel]], dim=-1)


def fit_probes(
    model: WorldModel, joints: Joints, windows: WindowSampler, size: int
) -> tuple[Tensor, Tensor]:
    """Fit linear maps from latents to joints, one for each step ahead, (T, D + 1, 2 J).

    Returns:
        Those of predicted latents, and those of true ones.
    """
    found = [predict(model, Batch.from_windows(part)) for part in chunks(windows, size)]
    outputs = joints.of(torch.cat([one.future for one in found]))
    predicted, true = (
        torch.cat([getattr(one, name) for one in found]) for name in ('latents', 'target')
    )
    return ridge(predicted, outputs), ridge(true, outputs)


def ridge(inputs: Tensor, outputs: Tensor) -> Tensor:
    """Fit outputs (N, T, O) to inputs (N, T, I) linearly at each step, (T, I + 1, O)."""
    x, y = with_one(inputs).transpose(0, 1).double(), outputs.transpose(0, 1).double()
    gram = x.transpose(1, 2) @ x + RIDGE * torch.eye(x.shape[-1], dtype=x.dtype)
    probe: Tensor = torch.linalg.solve(gram, x.transpose(1, 2) @ y)
    return probe.float()


def with_one(x: Tensor) -> Tensor:
    """Append a 1 to each vector."""
    return torch.cat([x, torch.ones_like(x[..., :1])], dim=-1)


def read_off(latents: Tensor, probes: Tensor) -> Tensor:
    """Return the joints that latents (B, T, D) speak of, (B, T, 2 J)."""
    return (with_one(latents).transpose(0, 1) @ probes).transpose(0, 1)
