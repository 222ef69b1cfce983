from dataclasses import dataclass

import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.overrides import override, read_overrides
from simdist_ros.core.settings import Settings, setting


def test_overrides_are_sorted_by_owner_and_the_last_one_wins():
    texts = ['train.rate=0.1', 'expert.seed=3', 'train.steps=5', 'train.rate=0.2']
    assert read_overrides(texts, 'X') == {
        'train': {'rate': '0.2', 'steps': '5'},
        'expert': {'seed': '3'},
    }


def test_only_the_first_dot_and_the_first_equals_sign_divide():
    assert read_overrides(['planner.mppi.gamma=a=b.c'], 'X') == {
        'planner': {'mppi.gamma': 'a=b.c'}
    }


@pytest.mark.parametrize('text', ['rate=3', 'train.rate', ''])
def test_another_form_is_refused_and_the_right_one_named(text):
    with pytest.raises(ConfigError) as refusal:
        read_overrides([text], 'OWNER.SETTING=VALUE')
    assert str(refusal.value) == f'--set {text!r} is not of the form OWNER.SETTING=VALUE'


@dataclass(frozen=True, kw_only=True)
class Some(Settings):
    rate: float = setting(0.5, 'A number.')
    speeds: tuple[float, ...] = setting((1.0,), 'Several.')


@dataclass(frozen=True, kw_only=True)
class Seeded(Settings):
    seed: int = setting(0, 'A seed.', low=0, high=9)


@pytest.mark.parametrize('text', ['0.5,2', '[0.5, 2]', '(0.5, 2.0)', '0.5, 2e0', '[.5, 2,]'])
def test_several_numbers_have_commas_between_them(text):
    assert override(Some(), {'speeds': text}, 'some') == Some(speeds=(0.5, 2.0))


def test_one_number_is_a_list_of_one_and_brackets_may_be_empty():
    assert override(Some(), {'speeds': '2'}, 'some') == Some(speeds=(2.0,))
    assert override(Some(), {'speeds': '[]'}, 'some') == Some(speeds=())


def test_a_seed_is_that_of_the_settings_unless_an_override_says_otherwise():
    assert override(Seeded(), {}, 'some', seed=3) == Seeded(seed=3)
    assert override(Seeded(), {'seed': '5'}, 'some', seed=3) == Seeded(seed=5)
    with pytest.raises(ConfigError, match=r'--seed is -1; allowed: 0 \.\. 9'):
        override(Seeded(), {}, 'some', seed=-1)


@pytest.mark.parametrize(
    ('name', 'text', 'wanted'),
    [('rate', 'fast', 'a finite number'), ('speeds', '1;2', 'a list of numbers, e.g. 0.5,1.0')],
)
def test_a_value_of_another_type_is_refused_in_one_sentence(name, text, wanted):
    with pytest.raises(ConfigError) as refusal:
        override(Some(), {name: text}, 'some')
    assert str(refusal.value) == f'--set some.{name} is {text!r}; it must be {wanted}'
