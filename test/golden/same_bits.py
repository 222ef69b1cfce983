"""What the whole software gives for fixed seeds; run it to make the file of digests anew.

    python test/golden/same_bits.py

Do so when a change is meant to change what is computed, in the same commit, and say why there.
A change that only moves code leaves the file as it is. The parts of the shipped model on their
own are in `test/world_model/golden_go2.npz`.

Bits depend on the processor and on the builds of PyTorch, NumPy and MuJoCo, which the file names:
digests are compared only where all of these are the same. Elsewhere the first rows of each array
are compared, with a tolerance: beyond them two processors walk two ways.
"""

from __future__ import annotations

import array
import dataclasses
import functools
import hashlib
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import torch
from safetensors.numpy import load_file

from simdist_ros.adaptation.adapt import data_of_episodes
from simdist_ros.adaptation.finetune import Finetuning
from simdist_ros.adaptation.settings import FinetuneSettings
from simdist_ros.embodiment.action_space import JointTarget
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.evaluation import walk as evaluate_walk
from simdist_ros.evaluation.closed_loop import Tick
from simdist_ros.evaluation.planned_walk import PlannedWalk, episodes_of_walk, walk
from simdist_ros.messages import to_messages as messages
from simdist_ros.messages import topics
from simdist_ros.planning.controller import Controller
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.pretraining.collect.stage import run_collect
from simdist_ros.pretraining.expert.files import EXPERT
from simdist_ros.pretraining.expert.stage import run_expert
from simdist_ros.pretraining.imitate.settings import IMITATE_PRESETS
from simdist_ros.pretraining.imitate.stage import run_imitate
from simdist_ros.pretraining.presets import COLLECT_PRESETS, EXPERT_PRESETS
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.pretraining.train.settings import TRAIN_PRESETS
from simdist_ros.pretraining.train.stage import run_train
from simdist_ros.sim.scenes.world import Sensors, World
from simdist_ros.transitions.assembly import AssemblySettings
from simdist_ros.transitions.bags.read_episodes import read_bag_episodes
from simdist_ros.transitions.bags.recorded_topic import Topic, typestore
from simdist_ros.transitions.bags.writer import BagWriter
from simdist_ros.transitions.episode import Episode
from simdist_ros.transitions.shards.dataset import open_dataset
from simdist_ros.transitions.shards.replay import InMemoryEpisodes
from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import load_model, save_model
from simdist_ros.world_model.upstream.convert import import_upstream

Arrays = dict[str, np.ndarray]

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).with_suffix('.json')
UPSTREAM = Path(os.environ.get('SIMDIST_UPSTREAM_GO2', ROOT.parent / 'shared' / 'upstream_go2'))
ROWS = 5  # of each array that other processors give as well
TOLERANCE = {'rtol': 2e-2, 'atol': 5e-3}
ROBOT = load_robot('go2')
HARSH = World(
    terrain='rough',
    rough_height_m=0.04,
    level_start_m=0.5,
    friction=0.6,
    payload_kg=2.0,
    motor_strength=0.9,
    joint_friction_nm=0.2,
    command_delay_s=0.004,
    push_interval_s=0.4,
    push_speed_mps=0.5,
    sensors=Sensors(
        joint_pos_noise_rad=0.005,
        joint_vel_noise_radps=0.3,
        orientation_noise_rad=0.01,
        angular_velocity_noise_radps=0.05,
        linear_velocity_noise_mps=0.05,
        height_map_noise_m=0.01,
        height_map_missing=0.05,
        delay_s=0.004,
        clock_offset_s=3.0,
    ),
)
DEFAULT = MppiSettings(uses_expert=False)  # the model's own parts alone
SEARCH = dataclasses.replace(DEFAULT, num_samples=8, num_iterations=2)
CUT = AssemblySettings(episode_s=1.2, min_episode_s=0.4)
TINY = Architecture(
    history_steps=3,
    horizon_steps=4,
    latent_dim=8,
    conv_features=(2,),
    extero_hidden=(8,),
    policy_layers=1,
    dynamics_layers=1,
    dynamics_heads=2,
    policy_heads=2,
    reward_heads=2,
    value_heads=2,
)


def shipped() -> WorldModel:
    """Return the model that ships."""
    return load_model(ROOT / 'models' / 'go2', ROBOT).model


@functools.cache
def published() -> WorldModel:
    """Return the published model, converted."""
    with tempfile.TemporaryDirectory() as folder:
        import_upstream(UPSTREAM, Path(folder) / 'go2')
        return load_model(Path(folder) / 'go2', ROBOT).model


def walked(model: WorldModel, seconds: float, search: MppiSettings) -> list[Tick]:
    """Walk in closed loop over bumps, pushed, with noise in the sensors."""
    asked = PlannedWalk(
        world=HARSH, seed=5, command=(0.5, 0.0, 0.0), seconds=seconds, heading_gain=1.0
    )
    return list(walk(ROBOT, model, search, asked))


def arrays_of_walk(ticks: list[Tick]) -> Arrays:
    """Return what was seen, was really so, and was done."""
    states, truths = [tick.state for tick in ticks], [tick.truth for tick in ticks]
    seen = ('orientation', 'angular_velocity', 'linear_velocity', 'joint_pos', 'joint_vel')
    actions = JointTarget(ROBOT)
    return {
        'stamp_ns': np.array([state.stamp_ns for state in states]),
        **{name: np.stack([getattr(state, name) for state in states]) for name in seen},
        'height_map': np.stack([np.nan_to_num(state.height_map, nan=9.0) for state in states]),
        'position': np.stack([truth.position for truth in truths]),
        'joint_torque': np.stack([truth.joint_torque for truth in truths]),
        'foot_contact': np.stack([truth.foot_contact for truth in truths]),
        'has_fallen': np.array([truth.has_fallen for truth in truths]),
        'velocity_command': np.stack([tick.velocity for tick in ticks]),
        'joint_target': np.stack([tick.command.position for tick in ticks]),
        'action': np.stack([actions.from_joints(tick.command.position) for tick in ticks]),
        'is_walking': np.array([tick.mode == 'follow' for tick in ticks]),
    }


def arrays_of_episodes(episodes: tuple[Episode, ...] | list[Episode]) -> Arrays:
    """Return the arrays of all episodes."""
    return {
        f'{number}/{field.name}': np.asarray(value)
        for number, episode in enumerate(episodes)
        for field in dataclasses.fields(episode)
        if (value := getattr(episode, field.name)) is not None
    }


def weights(model: torch.nn.Module) -> Arrays:
    """Return all weights."""
    return {name: x.detach().numpy() for name, x in model.state_dict().items()}


def under(name: str, arrays: Arrays) -> Arrays:
    """Put a name before all names."""
    return {f'{name}/{key}': x for key, x in arrays.items()}


def recorded(ticks: list[Tick]) -> Iterator[tuple[str, Any]]:
    """Yield the messages of a walk; one command, one state and the mode of a while are lost."""
    grid = ROBOT.height_map
    for step, tick in enumerate(ticks):
        state, truth, stamp = tick.state, tick.truth, tick.state.stamp_ns
        yield topics.COMMAND_VELOCITY, messages.command_to_msg(stamp, tick.velocity)
        if step != 70:
            joints = messages.joint_state_to_msg(ROBOT, state, truth.joint_torque)
            yield topics.JOINT_STATES, joints
        yield topics.IMU, messages.imu_to_msg(state)
        pose = truth.position, state.orientation
        twist = state.linear_velocity, state.angular_velocity
        yield topics.ODOM, messages.odometry_to_msg(stamp, *pose, *twist)
        yield topics.HEIGHT_MAP, messages.height_map_to_msg(grid, state)
        if step != 140:
            yield topics.JOINT_COMMAND, messages.joint_command_to_msg(ROBOT, tick.command)
        mode = 'stand' if step < 3 else tick.mode
        values = {'mode': mode}
        yield (
            topics.SUPERVISOR_TICK,
            messages.diagnostics(messages.time_msg(stamp), 'supervisor', 'tick', values),
        )


def in_types_of_bags(value: Any) -> Any:
    """Return a message in the types that serialize without a middleware."""
    if hasattr(value, 'get_fields_and_field_types'):
        kind = type(value)
        fields = {
            name: in_types_of_bags(getattr(value, name))
            for name in kind.get_fields_and_field_types()
        }
        return typestore().types[type_name(kind)](**fields)
    if isinstance(value, array.array):
        return np.array(value)
    if isinstance(value, bytes):
        return value[0]  # a ROS byte
    if isinstance(value, list):
        return [in_types_of_bags(item) for item in value]
    return value


def type_name(kind: type) -> str:
    """Return the ROS name of a message type."""
    return f'{kind.__module__.split(".")[0]}/msg/{kind.__name__}'


def write_bag(folder: Path, ticks: list[Tick]) -> Path:
    """Record a walk as the node does."""
    types = {name: type_name(kind) for name, kind in topics.recorded_topics(ROBOT).items()}
    listed = [Topic(name=f'/{name}', type=kind) for name, kind in types.items()]
    with BagWriter(folder, listed, {'robot': ROBOT.name}) as writer:
        for number, (name, message) in enumerate(recorded(ticks)):
            data = typestore().serialize_cdr(in_types_of_bags(message), types[name])
            assert writer.put(f'/{name}', number, bytes(data))
    return folder


def walk_of_shipped_model(folder: Path) -> Arrays:
    """Planner, supervision and simulated robot in closed loop."""
    return arrays_of_walk(walked(shipped(), 1.0, SEARCH))


def walk_of_published_model(folder: Path) -> Arrays:
    """The same with the published weights."""
    return arrays_of_walk(walked(published(), 0.4, SEARCH))


def evaluation(folder: Path) -> Arrays:
    """A walk as the evaluation of pretraining judges it, with its reward and values."""
    model = shipped()
    planner = Planner(model, DEFAULT, torch.Generator().manual_seed(3))
    task = evaluate_walk.Walk(
        world='nominal', speed=0.5, seed=3, seconds=1.5, num_samples=0, num_iterations=1
    )
    result = evaluate_walk.walk(ROBOT, load_recipe(ROBOT), Controller(ROBOT, planner), model, task)
    found = dataclasses.asdict(result)
    del found['succeeded']  # walking has no end
    return {name: np.asarray(value) for name, value in found.items()}


def bag_and_finetuning(folder: Path) -> Arrays:
    """A bag cut into episodes, the same walk cut without one, weights finetuned on them."""
    model = shipped()
    ticks = walked(model, 4.0, DEFAULT)
    read = read_bag_episodes(write_bag(folder / 'bag', ticks), ROBOT, CUT)
    discarded = {f'discarded/{why}': np.array(n) for why, n in sorted(read.discarded.items())}
    held = InMemoryEpisodes(read.episodes)
    data = data_of_episodes(held, held.numbers, model.architecture).finetune
    found = under('bag', arrays_of_episodes(read.episodes)) | discarded
    found |= under('walk', arrays_of_episodes(episodes_of_walk(ROBOT, CUT, ticks)))
    for method, part in (('dynamics', 'dynamics'), ('residual', 'residual'), ('policy', 'heads')):
        settings = FinetuneSettings(
            method=method, seed=2, max_steps=4, validation_interval=2, batch_size=8
        )
        training = Finetuning(model, data, settings)  # `run` would keep the best weights alone
        losses = [training.step(step) for step in range(1, settings.max_steps + 1)]
        found |= under(f'finetuned {method}', weights(getattr(training.model, part)))
        found[f'finetuned {method}/losses'] = torch.stack(losses).numpy()
        found[f'finetuned {method}/held out'] = np.array(training.held_out_error())
    return found


def pretraining(folder: Path) -> Arrays:
    """Each stage at its smallest: expert, collection, training, imitation."""
    expert = dataclasses.replace(
        EXPERT_PRESETS['smoke'], num_robots=4, horizon_steps=8, total_steps=64, policies_kept=2
    )
    run_expert(ROBOT, folder / 'expert', expert, shows_progress=False)
    found = under('expert', load_file(folder / 'expert' / EXPERT))
    collect = dataclasses.replace(
        COLLECT_PRESETS['smoke'], num_robots=4, shard_steps=120, total_steps=120, episode_steps=20
    )
    data = run_collect(ROBOT, folder / 'expert', folder / 'data', collect, shows_progress=False)
    found |= under('data', arrays_of_episodes(list(open_dataset(data, ROBOT).episodes())))
    train = dataclasses.replace(
        TRAIN_PRESETS['smoke'], num_steps=3, batch_size=8, warmup_steps=1, validation_interval=3
    )

    def say(line: str) -> None:
        """Say nothing."""

    options = {'device': 'cpu', 'say': say}
    trained = run_train(ROBOT, data, folder / 'train', train, architecture=TINY, **options)
    found |= under('trained', weights(trained.model))
    found |= {f'trained metrics/{name}': np.array(x) for name, x in trained.metrics.items()}
    save_model(folder / 'model', trained.model, robot=ROBOT.name, created_by='a test')
    imitate = dataclasses.replace(
        IMITATE_PRESETS['smoke'], num_rounds=1, num_robots=4, rollout_steps=20, round_steps=2
    )
    taught = run_imitate(
        ROBOT, folder / 'model', folder / 'expert', folder / 'imitate', imitate, **options
    )
    return found | under('imitated', weights(taught.model.heads))


CASES = {
    case.__name__: case
    for case in (
        walk_of_shipped_model,
        walk_of_published_model,
        evaluation,
        bag_and_finetuning,
        pretraining,
    )
}
NEEDS_UPSTREAM = {'walk_of_published_model'}


def machine() -> dict[str, str]:
    """Return what bits depend on, apart from the code."""
    cpuinfo = Path('/proc/cpuinfo')
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.split(':')[1].strip() for line in lines if line.startswith('model name')]
    return {
        'processor': names[0] if names else platform.processor(),
        'vector instructions of PyTorch': torch.backends.cpu.get_cpu_capability(),
        'PyTorch': torch.__version__,
        'NumPy': np.__version__,
        'MuJoCo': mujoco.__version__,
    }


def digest(array: np.ndarray) -> str:
    """Return a hash of type, shape and bits."""
    array = np.ascontiguousarray(array)
    head = f'{array.dtype.str}{array.shape}'.encode()
    return hashlib.sha256(head + array.tobytes()).hexdigest()[:16]


def sample(array: np.ndarray) -> list[float]:
    """Return a few numbers of the first rows: mean, root mean square, first, last."""
    rows = np.atleast_1d(array)[:ROWS].astype(float).ravel()
    if not rows.size:
        return []
    numbers = rows.mean(), np.sqrt(np.square(rows).mean()), rows[0], rows[-1]
    return [float(f'{number:.5g}') for number in numbers]


def run_case(name: str) -> Arrays:
    """Return the arrays of a case; everything else of it is removed."""
    with tempfile.TemporaryDirectory() as folder:
        return CASES[name](Path(folder))


def main() -> None:
    """Write the file; what needs the published model and lacks it stays as it was."""
    torch.set_num_threads(1)
    known = json.loads(GOLDEN.read_text())['cases'] if GOLDEN.is_file() else {}
    cases = {}
    for name in CASES:
        if name in NEEDS_UPSTREAM and not UPSTREAM.is_dir():
            print(f'{name}: the published model is not at {UPSTREAM}; kept as it was')
            cases[name] = known[name]
            continue
        began = time.process_time()
        found = run_case(name)
        took = time.process_time() - began
        cases[name] = {key: [digest(x), *sample(x)] for key, x in found.items()}
        before = {key: entry[0] for key, entry in known.get(name, {}).items()}
        changed = [key for key, entry in cases[name].items() if before.get(key) != entry[0]]
        print(
            f'{name}: {len(found)} arrays, {len(changed)} of them other than before, {took:.1f} s'
        )
    text = json.dumps({'machine': machine(), 'cases': cases})
    GOLDEN.write_text(text.replace('], "', '],\n"').replace('{"', '{\n"') + '\n')


if __name__ == '__main__':
    main()
