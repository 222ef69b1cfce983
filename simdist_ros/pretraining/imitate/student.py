"""The policy head as a walker of many robots at once, and its expert beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from simdist_ros.embodiment.history import History
from simdist_ros.pretraining.collect.episode_recorder import EpisodeRecorder
from simdist_ros.pretraining.expert.networks import Actor, actor_input, to_tensor
from simdist_ros.rl.step import Observation
from simdist_ros.sim.batch.vector_env import VectorEnv
from simdist_ros.transitions.episode import Episode
from simdist_ros.world_model.model import WorldModel

__all__ = ['StudentWalks']

F32 = NDArray[np.float32]
Mask = NDArray[np.bool_]


class Student:
    """Acts for N robots by a world model's policy head, on what their sensors showed it."""

    def __init__(self, model: WorldModel, num_robots: int, device: torch.device) -> None:
        """Begin with robots that have no past."""
        self.model, self.device = model, device
        a = model.architecture
        sizes = a.history_steps, a.proprio_obs_dim, a.action_dim
        self.histories = [History(*sizes) for _ in range(num_robots)]

    def forget(self, who: Mask) -> None:
        """Let robots, (N,), begin anew."""
        for index in np.flatnonzero(who):
            self.histories[index].reset()

    @torch.inference_mode()
    def act(self, observation: Observation) -> F32:
        """Return each robot's action, (N, action_dim)."""
        for index, history in enumerate(self.histories):
            history.append(observation.last_action[index], observation.proprio_obs[index])
        proprio, acted, extero, command = (
            torch.from_numpy(x).to(self.device)
            for x in (
                np.stack([history.proprio_obs for history in self.histories]),
                np.stack([history.actions for history in self.histories]),
                observation.extero_obs,
                observation.command,
            )
        )
        context = self.model.encode(proprio, acted, extero)
        ahead = command.unsqueeze(1).expand(-1, self.model.architecture.horizon_steps + 1, -1)
        action: F32 = self.model.policy_prior(context, ahead)[:, 0].cpu().numpy()
        return action


class StudentWalks:
    """A round of walks in which the expert only watches."""

    def __init__(
        self,
        env: VectorEnv,
        model: WorldModel,
        expert: Actor,
        rng: np.random.Generator,
        device: torch.device,
    ) -> None:
        """Take the robots, who acts, who says what he would have done, and randomness."""
        self.env, self.expert, self.rng = env, expert, rng
        self.student = Student(model, env.num_robots, device)

    def start(self, who: Mask) -> None:
        """Let robots, (N,), begin anew on another ground; hard ones more often."""
        self.env.levels[who] = np.sqrt(self.rng.random(int(who.sum())))
        self.env.reset(who)
        self.student.forget(who)

    @torch.inference_mode()
    def advice(self, observation: Observation) -> F32:
        """Return what the expert would do if his sensors had no noise, (N, action_dim)."""
        true = dataclasses.replace(
            observation,
            proprio_obs=observation.true_proprio_obs,
            extero_obs=observation.true_extero_obs,
        )
        seen = to_tensor(true, 'cpu')
        action: F32 = self.expert(actor_input(seen), seen['extero_obs']).numpy()
        return action

    def episodes(self, num_steps: int) -> Iterator[Episode]:
        """Yield what the robots walked in a number of steps; the last episodes are cut there."""
        self.start(np.ones(self.env.num_robots, dtype=bool))
        recorder = EpisodeRecorder(num_steps)
        for step in range(num_steps):
            before = self.env.observation
            result = self.env.step(self.student.act(before))
            executed = self.env.executed.astype(np.float32)
            yield from recorder.add(
                before, result, actions=executed, expert_actions=self.advice(before)
            )
            ended = result.terminated | result.truncated | result.diverged
            if step == num_steps - 1:
                yield from recorder.rest(result)
            elif ended.any():
                self.start(ended)
