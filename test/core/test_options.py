from dataclasses import dataclass
from pathlib import Path

import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.options import (
    Parser,
    add_settings,
    help_text,
    override_setting,
    read_options,
)
from simdist_ros.core.settings import (
    REQUIRED,
    UNSET,
    Settings,
    describe,
    same_setting,
    setting,
)


@dataclass(frozen=True, kw_only=True)
class Wheels(Settings):
    radius: float = setting(0.1, 'Radius, 100 % of it.', unit='m', above=0.0)


@dataclass(frozen=True, kw_only=True)
class Drive(Settings):
    place: Path = setting(REQUIRED, 'Where.', form='positional')
    gear: str | None = setting(
        None, 'Which.', choices=('low', 'high'), noun='gear', form='positional', absent='any'
    )
    loads: tuple[Path, ...] = setting((), 'What to carry.', form='words')
    speeds: tuple[float, ...] = setting((1.0, 2.0), 'How fast.')
    limit: int | None = setting(None, 'Most.', low=1)
    quiet: bool = setting(False, 'No horn.', form='flag')
    lights: bool | None = setting(None, 'Lights.')
    duration_s: float = setting(1.0, 'How long.', unit='s')
    radius: float = same_setting(Wheels, 'radius')
    log: Path = setting(UNSET, 'Log.', absent='`log` in PLACE')
    set: tuple[str, ...] = override_setting('A.B=C', 'More.')

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, 'log', self.log or self.place / 'log')
        if self.limit == 13 and self.gear is None:
            raise ConfigError('Drive.limit is 13 without Drive.gear')


def read(*words: str) -> Drive:
    parser = Parser(prog='drive')
    add_settings(parser, Drive)
    return read_options(Drive, parser.parse_args(words))


def test_what_is_not_given_has_its_default_and_what_depends_on_others_follows_them():
    drive = read('yard')
    assert drive == Drive(place=Path('yard'))
    assert (drive.gear, drive.limit, drive.lights, drive.set) == (None, None, None, ())
    assert drive.log == Path('yard/log')
    assert read('yard', '--log', 'here').log == Path('here')


def test_each_form_is_read_as_it_is_written():
    drive = read(
        'yard', 'high', '--loads', 'a', 'b', '--quiet', '--loads', 'c', '--speeds', '3,4.5',
        '--no-lights', '--limit', '1e1', '--set', 'x.y=1', '--set', 'x.z=2',
    )  # fmt: skip
    assert drive == Drive(
        place=Path('yard'), gear='high', loads=(Path('a'), Path('b'), Path('c')), quiet=True,
        speeds=(3.0, 4.5), lights=False, limit=10, set=('x.y=1', 'x.z=2'),
    )  # fmt: skip


def test_a_short_name_and_the_whole_one_are_the_same_option():
    assert read('yard', '--duration', '2').duration_s == 2.0
    assert read('yard', '--duration-s', '2').duration_s == 2.0


@pytest.mark.parametrize(
    ('text', 'speeds'), [('-1e-3', (-1e-3,)), ('-.5', (-0.5,)), ('-.5,-2', (-0.5, -2.0))]
)
def test_a_negative_number_is_a_value_however_it_is_written(text, speeds):
    assert read('yard', '--speeds', text).speeds == speeds


@pytest.mark.parametrize(
    ('words', 'sentence'),
    [
        (('yard', 'hihg'), "unknown gear 'hihg'; did you mean 'high'?"),
        (('yard', '--limit', '0'), '--limit is 0; allowed: 1 .. 9223372036854775807'),
        (('yard', '--radius', '0'), '--radius is 0.0 m; allowed: more than 0.0 m'),
        (('yard', '--limit', '13'), '--limit is 13 without gear'),
    ],
)
def test_what_is_refused_is_called_as_it_is_written(words, sentence):
    with pytest.raises(ConfigError) as error:
        read(*words)
    assert str(error.value) == sentence


@pytest.mark.parametrize(
    ('words', 'sentence'),
    [
        ((), 'the following arguments are required: place'),
        (('yard', '--no-quiet'), "unknown option '--no-quiet'; did you mean '--quiet'?"),
        (('yard', '--set', 'a.b=1', 'high', 'c.d=2'), 'c.d=2 stands alone; each setting takes a'),
    ],
)
def test_what_cannot_be_parsed_ends_with_one_sentence(words, sentence, capsys):
    with pytest.raises(SystemExit, match='2'):
        read(*words)
    assert capsys.readouterr().err.startswith(f'error: {sentence}')


def test_the_help_has_the_default_that_holds_and_the_unit():
    said = {info.name: help_text(info) for info in describe(Drive)}
    assert said['place'] == 'Where.'
    assert said['gear'] == 'Which. One of low, high. (default: any)'
    assert said['speeds'] == 'How fast. (default: 1.0,2.0)'
    assert said['limit'] == 'Most. (default: none)'
    assert said['radius'] == 'Radius, 100 % of it. [m] (default: 0.1)'
    parser = Parser(prog='drive')
    add_settings(parser, Drive)
    shown = ' '.join(parser.format_help().split())
    assert said['radius'] in shown
    assert '--set A.B=C' in shown
    assert '--speeds FLOAT' in shown
    assert '--loads PATH [PATH ...]' in shown
    assert '[gear]' in shown


@pytest.mark.parametrize('value', [3, 4.5, ['a']])
def test_what_is_no_text_is_no_path(value):
    with pytest.raises(ConfigError, match=r'Drive\.place is .*; it must be a text'):
        Drive(place=value)


def test_only_what_may_be_absent_may_be_none():
    assert Drive(place='yard', limit=None).limit is None
    with pytest.raises(ConfigError, match=r'Drive\.radius is None; it must be a finite number'):
        Drive(place='yard', radius=None)
