import math
from dataclasses import FrozenInstanceError, dataclass

import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.settings import Settings, describe, read_settings, read_yaml, setting


@dataclass(frozen=True, kw_only=True)
class Motor(Settings):
    num_poles: int = setting(4, 'Poles.', low=2, high=64)
    gain: float = setting(1.5, 'Gain.', unit='N m', low=0.0)
    is_geared: bool = setting(False, 'Whether there is a gearbox.')
    mode: str = setting('torque', 'What is regulated.', choices=('torque', 'speed'))
    reach: float = setting(1.0, 'Reach.', unit='m', above=0.0, high=9.0)
    seed: int = setting(0, 'Seed.', low=0)
    offsets: tuple[float, ...] = setting((), 'Offsets.', unit='rad', low=-1.0, high=1.0)
    cache: int = 0  # carries no doc, so it is no setting


def refusal(**values) -> str:
    with pytest.raises(ConfigError) as error:
        Motor.from_mapping(values, 'motor.yaml')
    return str(error.value)


def test_what_is_absent_keeps_its_default():
    assert Motor.from_mapping({'gain': 2.0}, 'motor.yaml') == Motor(gain=2.0)


def test_a_misspelt_name_is_refused_with_a_suggestion():
    assert refusal(num_pole=4) == (
        "motor.yaml: unknown setting 'num_pole'; did you mean 'num_poles'?"
    )


def test_a_name_that_is_not_text_is_refused():
    with pytest.raises(ConfigError, match="unknown setting '3'"):
        Motor.from_mapping({3: 4}, 'motor.yaml')


def test_a_field_without_a_doc_is_no_setting():
    assert "unknown setting 'cache'" in refusal(cache=1)
    assert 'cache' not in [info.name for info in describe(Motor)]


def test_a_list_in_place_of_names_and_values_is_refused():
    with pytest.raises(ConfigError, match=r'motor\.yaml: expected names and values, got \[1\]'):
        Motor.from_mapping([1], 'motor.yaml')


def test_an_int_serves_as_a_float_and_becomes_one():
    motor = Motor(gain=2)
    assert motor.gain == 2.0
    assert isinstance(motor.gain, float)


@pytest.mark.parametrize(
    'value', [math.nan, math.inf, -math.inf, True, 'fast', '', 'nan', '1e', '0x1', None, [1.0]]
)
def test_what_is_no_finite_number_is_refused_for_a_float(value):
    assert 'motor.yaml: gain is' in refusal(gain=value)
    assert 'it must be a finite number' in refusal(gain=value)


@pytest.mark.parametrize('value', [True, 4.5, '4.5', 'four', 'on', None, math.nan, math.inf])
def test_what_is_no_whole_number_is_refused_for_an_int(value):
    assert 'it must be a whole number' in refusal(num_poles=value)


@pytest.mark.parametrize('value', [0, 1, '0', 'maybe', '', None])
def test_a_number_is_no_bool(value):
    assert 'it must be true or false' in refusal(is_geared=value)


@pytest.mark.parametrize('value', [0.0, -1.0, -1e-9])
def test_a_bound_that_must_be_exceeded_is_not_allowed_itself(value):
    assert f'reach is {value} m; allowed: more than 0.0, to 9.0 m' in refusal(reach=value)
    assert Motor(reach=1e-9).reach == 1e-9


@pytest.mark.parametrize('value', ['99999999999999999999', 2**63, '1e30'])
def test_an_int_without_bounds_has_those_of_a_ros_parameter(value):
    assert 'allowed: 0 .. 9223372036854775807' in refusal(seed=value)
    assert Motor(seed=2**63 - 1).seed == 2**63 - 1


def test_the_limits_themselves_are_allowed_and_nothing_beyond():
    assert Motor(num_poles=2).num_poles == 2
    assert Motor(num_poles=64).num_poles == 64
    assert refusal(num_poles=65) == 'motor.yaml: num_poles is 65; allowed: 2 .. 64'


def test_a_range_open_on_one_side_says_so_with_the_unit():
    assert refusal(gain=-0.1) == ('motor.yaml: gain is -0.1 N m; allowed: 0.0 .. inf N m')


def test_an_unknown_choice_is_refused_with_a_suggestion():
    assert refusal(mode='torqe') == (
        "motor.yaml: mode: unknown choice 'torqe'; did you mean 'torque'?"
    )


def test_a_list_becomes_a_tuple_of_floats():
    assert Motor(offsets=[0, 1]).offsets == (0.0, 1.0)


@pytest.mark.parametrize('value', ['wide', '0.1;0.2', '0.1,', None, {'a': 1.0}])
def test_what_is_no_list_is_refused_for_a_tuple(value):
    assert 'it must be a list of numbers' in refusal(offsets=value)


@dataclass(frozen=True, kw_only=True)
class Lists(Settings):
    """One list of each type."""

    widths: tuple[int, ...] = setting((8, 16), 'Of layers.', low=1)
    speeds: tuple[float, ...] = setting((), 'Of walks.')
    worlds: tuple[str, ...] = setting(('soft',), 'To walk in.')
    modes: tuple[str, ...] = setting((), 'To try.', choices=('stand', 'walk'))


@pytest.mark.parametrize(
    ('name', 'given', 'found'),
    [
        ('widths', '4, 8', (4, 8)),
        ('widths', [4.0, '1e1'], (4, 10)),
        ('speeds', '(1,)', (1.0,)),
        ('worlds', 'soft my/ice.yaml', ('soft', 'my/ice.yaml')),
        ('worlds', 'soft,a place/ice.yaml', ('soft', 'a place/ice.yaml')),
        ('worlds', '', ()),
        ('worlds', ['off', '1'], ('off', '1')),
        ('modes', 'walk', ('walk',)),
    ],
)
def test_items_of_a_list_have_the_type_of_its_setting(name, given, found):
    items = getattr(Lists.from_mapping({name: given}, 'x.yaml'), name)
    assert items == found
    assert [type(item) for item in items] == [type(item) for item in found]


@pytest.mark.parametrize(
    ('name', 'given', 'said'),
    [
        ('widths', '4.5', 'x.yaml: widths is .* a list of whole numbers, e.g. 16,32'),
        ('widths', [0], 'x.yaml: widths is 0; allowed: 1 .. inf'),
        ('worlds', [1], 'x.yaml: worlds is .* a list of texts'),
        ('modes', 'stand,wlak', "x.yaml: modes: unknown choice 'wlak'; did you mean 'walk'"),
    ],
)
def test_an_item_of_another_type_or_beyond_the_range_is_refused(name, given, said):
    with pytest.raises(ConfigError, match=said):
        Lists.from_mapping({name: given}, 'x.yaml')


@pytest.mark.parametrize('item', [math.nan, 'wide', True, 1.5])
def test_each_item_of_a_list_is_checked(item):
    assert 'motor.yaml: offsets is' in refusal(offsets=[0.0, item])


def test_settings_cannot_be_changed_afterwards():
    with pytest.raises(FrozenInstanceError):
        Motor().gain = 3.0


def test_describe_tells_all_in_the_order_of_declaration():
    infos = describe(Motor)
    names = ['num_poles', 'gain', 'is_geared', 'mode', 'reach', 'seed', 'offsets']
    assert [info.name for info in infos] == names
    gain = infos[1]
    assert (gain.type, gain.default, gain.doc, gain.unit, gain.low, gain.high) == (
        float,
        1.5,
        'Gain.',
        'N m',
        0.0,
        None,
    )


def test_yaml_reads_names_and_values(tmp_path):
    path = tmp_path / 'a.yaml'
    path.write_text('gain: 2\nmode: speed\n')
    assert read_yaml(path) == {'gain': 2, 'mode': 'speed'}


@pytest.mark.parametrize(
    ('text', 'reason'),
    [
        ('a: [1, 2', 'not valid YAML'),
        ('- 1\n- 2\n', 'expected names and values, got list'),
        ('', 'expected names and values, got NoneType'),
        ('a: !!python/object:os.system {}', 'not valid YAML'),
    ],
)
def test_yaml_that_is_something_else_is_refused_in_one_line(tmp_path, text, reason):
    path = tmp_path / 'a.yaml'
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        read_yaml(path)
    assert str(error.value).startswith(f'{path}: {reason}')
    assert '\n' not in str(error.value)


def test_a_missing_yaml_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r'a\.yaml: there is no such file'):
        read_yaml(tmp_path / 'a.yaml')


def test_a_folder_and_a_binary_file_cannot_be_read(tmp_path):
    (tmp_path / 'b.yaml').write_bytes(b'\xff\xfe\x00')
    for path in (tmp_path, tmp_path / 'b.yaml'):
        with pytest.raises(ConfigError, match='cannot be read'):
            read_yaml(path)


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('mode: off', {'mode': 'off'}),
        ('name: 007', {'name': '007'}),
        ('gain: 1e-3', {'gain': '1e-3'}),
        ('span: 1:30', {'span': '1:30'}),
        ('day: 2026-01-01', {'day': '2026-01-01'}),
        ('on: [yes, .5]', {'on': ['yes', '.5']}),
        ('hip:\nknee: ~\nfoot: null', {'hip': None, 'knee': None, 'foot': None}),
        ('a: &a {x: 1}\nb: {<<: *a, y: 2}', {'a': {'x': '1'}, 'b': {'x': '1', 'y': '2'}}),
    ],
)
def test_what_a_person_wrote_stays_a_text_until_its_setting_is_known(tmp_path, text, expected):
    path = tmp_path / 'a.yaml'
    path.write_text(text + '\n')
    assert read_settings(path) == expected


def test_a_name_that_stands_in_a_file_twice_is_refused(tmp_path):
    path = tmp_path / 'a.yaml'
    path.write_text('gain: 1\nmode: speed\ngain: 2\n')
    with pytest.raises(ConfigError, match=r"'gain' stands there twice.*line 3"):
        read_settings(path)


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('gain: 50', {'gain': 50.0}),
        ('gain: 1e-3', {'gain': 1e-3}),
        ('gain: .5', {'gain': 0.5}),
        ('gain: 1_000', {'gain': 1000.0}),
        ('num_poles: 4.0', {'num_poles': 4}),
        ('num_poles: 1e1', {'num_poles': 10}),
        ('num_poles: 010', {'num_poles': 10}),
        ('is_geared: on', {'is_geared': True}),
        ('is_geared: No', {'is_geared': False}),
        ('mode: speed', {'mode': 'speed'}),
        ('offsets: [0, 1e-1]', {'offsets': (0.0, 0.1)}),
        ('offsets: 0.1', {'offsets': (0.1,)}),
    ],
)
def test_a_file_and_its_setting_make_the_value_that_was_meant(tmp_path, text, expected):
    path = tmp_path / 'motor.yaml'
    path.write_text(text + '\n')
    motor = Motor.from_mapping(read_settings(path), str(path))
    (name,) = expected
    found = getattr(motor, name)
    assert (found, type(found)) == (expected[name], type(expected[name]))


def test_an_error_names_a_setting_as_the_user_wrote_it():
    with pytest.raises(ConfigError) as caught:
        Motor.from_mapping({'num_poles': '1'}, '', lambda name: '--' + name.replace('_', '-'))
    assert str(caught.value) == '--num-poles is 1; allowed: 2 .. 64'


@dataclass(frozen=True, kw_only=True)
class Rollouts(Settings):
    rollout_s: float = setting(8.0, 'How long.', unit='s')


def test_a_setting_that_was_renamed_is_refused_with_its_name_of_now():
    with pytest.raises(ConfigError) as error:
        Rollouts.from_mapping({'walk_s': '2'}, 'x.yaml')
    assert str(error.value) == "x.yaml: setting 'walk_s' is called 'rollout_s' now"
