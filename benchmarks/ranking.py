"""Whether a model can tell better walking from worse: predicted and true returns.

From one state many robots go on as the policy would if it were told another velocity, then as the
expert. Both returns are for the velocity that is wanted, so that what is predicted should change
with the offset as what is true does: a planner can use no difference that the model does not see.
"""

from __future__ import annotations

import dataclasses
import math
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.options import BenchmarkOptions
from simdist_ros.core.discount import DISCOUNT
from simdist_ros.embodiment.robot import Robot, load_robot
from simdist_ros.pretraining.expert.files import EXPERT, load_actor
from simdist_ros.pretraining.expert.networks import Actor, actor_input, to_tensor
from simdist_ros.pretraining.recipe import Recipe, load_recipe
from simdist_ros.rl.step import Observation
from simdist_ros.sim.batch.vector_env import VectorEnv
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.returns import discounted_return
from simdist_ros.world_model.store.checkpoint import find_model, load_model

Array = NDArray[np.floating[Any]]

OFFSETS = np.linspace(-0.2, 0.2, 9)
REPEATS = 4  # robots for each offset; they differ in sensor noise, which the expert acts on
TAIL_STEPS = 150  # of the expert, after the horizon
WARM_UP_STEPS, BETWEEN_STEPS = 100, 23  # not a multiple of the gait
NEVER = 10**9
CASES = (  # slope ahead [deg], speed asked for [m/s], number of the command that is changed
    (0.0, 0.5, 0),
    (0.0, 1.0, 0),
    (0.0, 0.5, 2),
    (15.0, 0.5, 0),
    (-15.0, 0.5, 0),
)
NUMBERS = ('vx', 'vy', 'yaw rate')


def measure(options: BenchmarkOptions) -> list[dict[str, Any]]:
    """Return one row for each case and offset: change of return, predicted and true."""
    torch.set_num_threads(options.threads)
    robot = load_robot('go2')
    folder = find_model(options.model)
    model = load_model(folder, robot).model
    rows = []
    for slope, speed, number in CASES:
        study = Study(robot, folder, model, slope, speed, number)
        predicted, true = study.run(options.seeds)
        rows += [
            {
                'slope_deg': slope,
                'speed_mps': speed,
                'told': NUMBERS[number],
                'offset': round(float(offset), 3),
                'predicted': round(float(a), 4),
                'true': round(float(b), 4),
            }
            for offset, a, b in zip(OFFSETS, predicted, true, strict=True)
        ]
    return rows


class Study:
    """Many robots in one state, of which each goes on differently."""

    def __init__(
        self,
        robot: Robot,
        folder: Path,
        model: WorldModel,
        slope_deg: float,
        speed: float,
        number: int,
    ) -> None:
        """Put all robots on the same slope, ahead of them, with the same command."""
        recipe: Recipe = load_recipe(robot)
        calm = dataclasses.replace(recipe.randomisation, push_speed_mps=0.0)
        recipe = dataclasses.replace(recipe, randomisation=calm)
        self.actor: Actor = load_actor(folder / EXPERT, robot, recipe)
        self.model, self.speed, self.number = model, speed, number
        count = REPEATS * len(OFFSETS)
        self.env = VectorEnv(robot, recipe, num_robots=count, seed=0, episode_steps=NEVER)
        w, _, _, z = self.env.state[0, 4:8]
        yaw, slope = 2.0 * math.atan2(z, w), math.radians(slope_deg)
        ahead = math.sin(slope) * np.array([math.cos(yaw), math.sin(yaw)])
        parameters = self.env.parameters
        for name in ('payload_kg', 'shift_m', 'joint_friction_nm'):
            parameters[name][:] = 0.0
        for name in ('kp_scale', 'kd_scale', 'strength'):
            parameters[name][:] = 1.0
        parameters['friction'][:] = 0.8
        parameters['up'][:] = *ahead, math.cos(slope)
        self.env.commands[:] = speed, 0.0, 0.0
        self.env.next_command[:] = self.env.next_push[:] = NEVER
        held = self.env.get_state()
        held.update({name: np.repeat(v[:1], count, axis=0) for name, v in held.items()})
        self.env.set_state(held)

    def run(self, num_states: int) -> tuple[Array, Array]:
        """Return the changes of return by offset, predicted and true, means over states."""
        a, env = self.model.architecture, self.env
        past: deque[Array] = deque(maxlen=a.history_steps + 1)
        actions: deque[Array] = deque(maxlen=a.history_steps)
        found: list[tuple[Array, Array]] = []
        observation, step = env.observation, 0
        while len(found) < num_states:
            past.append(observation.proprio_obs[0].copy())
            if step >= WARM_UP_STEPS and step % BETWEEN_STEPS == 0:
                held, random = env.get_state(), env.rng.bit_generator.state
                found.append(self.branch(observation, np.array(past), np.array(actions)))
                env.set_state(held)
                env.rng.bit_generator.state = random
            action = self.act(observation)
            observation = env.step(np.repeat(action[:1], len(action), axis=0)).observation
            actions.append(env.last_action[0].copy())
            step += 1
        predicted, true = np.mean(found, axis=0)
        middle = len(OFFSETS) // 2
        return predicted - predicted[middle], true - true[middle]

    @torch.inference_mode()
    def act(self, observation: Observation) -> Array:
        """Return what the expert does, (N, action_dim)."""
        seen = to_tensor(observation, 'cpu')
        action: Array = self.actor(actor_input(seen), seen['extero_obs']).numpy()
        return action

    @torch.inference_mode()
    def branch(self, observation: Observation, past: Array, actions: Array) -> tuple[Array, Array]:
        """Return the returns by offset from this state on, predicted and true."""
        model, count = self.model, self.env.num_robots
        steps = model.architecture.horizon_steps
        context = model.encode(
            *(torch.tensor(x, dtype=torch.float32)[None] for x in (past, actions)),
            torch.tensor(observation.extero_obs[:1]),
        )
        wanted = torch.tensor([self.speed, 0.0, 0.0]).expand(1, steps + 1, -1)
        told = wanted.repeat(count, 1, 1)
        offsets = np.repeat(OFFSETS, REPEATS).astype(np.float32)
        told[:, :, self.number] += torch.tensor(offsets)[:, None]
        planned = model.policy_prior(context, told)
        latents = model.predict(model.memory(context), planned)
        rewards = model.rewards(context, latents, planned, wanted)
        predicted = discounted_return(rewards, model.final_value(latents, wanted))
        true, alive = np.zeros(count), np.ones(count)
        for step in range(steps + TAIL_STEPS):
            action = planned[:, step].numpy() if step < steps else self.act(observation)
            result = self.env.step(action)
            observation = result.observation
            true += alive * DISCOUNT**step * result.reward
            alive *= ~result.terminated
        by_offset = (len(OFFSETS), REPEATS)
        return predicted.numpy().reshape(by_offset).mean(1), true.reshape(by_offset).mean(1)
