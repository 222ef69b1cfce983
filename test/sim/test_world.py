import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.share import share_folder
from simdist_ros.embodiment.plausibility import StateCheck
from simdist_ros.sim.scenes.world import Sensors, World, load_world
from simdist_ros.sim.simulated_robot import SimulatedRobot

WORLDS = sorted(path.stem for path in (share_folder() / 'config' / 'worlds').glob('*.yaml'))
OF_ARMS = ('cell', 'tool_frame_30')


@pytest.fixture
def world_file(tmp_path):
    def write(text):
        path = tmp_path / 'mine.yaml'
        path.write_text(text)
        return str(path)

    return write


def test_the_promised_worlds_ship():
    assert {'nominal', 'slope', 'rough', 'low_friction', 'payload'} <= set(WORLDS)


@pytest.mark.parametrize('name', WORLDS)
def test_a_shipped_world_says_what_it_is(name):
    path = share_folder() / 'config' / 'worlds' / f'{name}.yaml'
    assert path.read_text().startswith('# ')


@pytest.mark.parametrize('name', [name for name in WORLDS if name not in OF_ARMS])
def test_in_a_shipped_world_the_robot_stands_for_two_seconds(name, go2, stand):
    for seed in range(2):
        simulation = SimulatedRobot(go2, load_world(name), seed)
        states = stand(simulation, 2.0)
        assert not any(state.has_fallen for state in states)
        assert StateCheck(go2).check(simulation.state()) == ()


def test_a_world_by_path_has_its_settings_and_name(world_file):
    world = load_world(world_file('friction: 0.4\nsensors: {delay_s: 0.02}\n'))
    assert world == World(friction=0.4, sensors=Sensors(delay_s=0.02), name='mine')


def test_an_empty_sensors_section_is_perfect_sensors(world_file):
    assert load_world(world_file('friction: 0.4\nsensors:\n')).sensors == Sensors()


@pytest.mark.parametrize(
    ('text', 'sentence'),
    [
        ('frictoin: 0.4', r"mine\.yaml: unknown setting 'frictoin'; did you mean 'friction'\?"),
        ('sensors: {dealy_s: 0.1}', r"sensors: unknown setting 'dealy_s'; did you mean 'delay_s'"),
        ('sensors: 3', r"mine\.yaml: sensors: expected names and values, got '3'"),
        ('friction: high', r"friction is 'high'; it must be a finite number"),
        ('friction: -1', r'friction is -1\.0; allowed: 0\.01 \.\. 3\.0'),
        ('friction: .nan', r"friction is '\.nan'; it must be a finite number"),
        ('terrain: stairs', r"terrain: unknown choice 'stairs'; known: flat, rough, slope"),
        ('slope_deg: 5', r'slope_deg is 5\.0 on flat ground; it takes terrain: slope'),
        ('terrain: slope\nrough_height_m: 0.1', r'rough_height_m is 0\.1 on slope ground'),
        ('push_speed_mps: 1.0', r'push_speed_mps without push_interval_s never pushes'),
        ('name: other', r"unknown setting 'name'"),
        ('- friction', r'expected names and values, got list'),
    ],
)
def test_a_bad_world_file_is_refused_in_one_sentence(world_file, text, sentence):
    with pytest.raises(ConfigError, match=sentence) as caught:
        load_world(world_file(text + '\n'))
    assert '\n' not in str(caught.value)


def test_an_unknown_world_is_refused_with_a_suggestion():
    with pytest.raises(ConfigError, match=r"unknown world 'nominl'; did you mean 'nominal'\?"):
        load_world('nominl')
