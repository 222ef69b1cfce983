from __future__ import annotations

import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.studies.jobs import (
    DATA,
    HELD_OUT,
    JUDGING,
    NONE,
    Adapt,
    Collect,
    Judge,
    list_jobs,
    walk_seed,
)
from simdist_ros.studies.methods import PARTS
from simdist_ros.studies.settings import GridSettings, TrialSettings, read_settings

GRID = GridSettings(
    worlds=('soft', 'weak_motors'),
    rivals='policy_pi',
    num_seeds=2,
    dynamics_minutes=(1.0, 5.0),
    residual_seeds=1,
    residual_minutes=(1.0,),
    all_seeds=0,
    policy_seeds=0,
    further_seeds=0,
)
JOBS = list_jobs(GRID, TrialSettings(seed=10))
JUDGED = [job for job in JOBS if isinstance(job, Judge)]


def test_whatever_a_task_needs_comes_before_it():
    order = {job: place for place, job in enumerate(JOBS)}
    for job, needs in JOBS.items():
        assert all(order[need] < order[job] for need in needs)


def test_the_main_comparison_comes_first_in_all_worlds_and_with_all_seeds():
    def kind(job):
        return (job.method, job.minutes, job.source == 'nominal')

    stages = list(dict.fromkeys(kind(job) for job in JUDGED))
    assert stages[:6] == [
        (NONE, 0.0, False),
        ('policy_pi', 0.0, False),
        ('dynamics', 5.0, False),
        ('belief', 5.0, False),
        ('practice', 5.0, False),
        ('dynamics', 5.0, True),
    ]
    for stage in stages[:6]:
        found = {(job.world, job.seed) for job in JUDGED if kind(job) == stage}
        assert {('soft', 10), ('soft', 11), ('weak_motors', 10), ('weak_motors', 11)} <= found


def test_a_seeds_data_are_collected_once_and_for_controls_once_for_all_worlds():
    collected = [job for job in JOBS if isinstance(job, Collect) and job.seed != HELD_OUT]
    assert sorted((job.world, job.seed) for job in collected) == [
        (world, seed) for world in ('nominal', 'soft', 'weak_motors') for seed in (10, 11)
    ]
    assert {job.minutes for job in collected} == {5.0}


def test_a_controls_model_is_made_once_and_judged_in_every_world():
    control = Adapt(method='dynamics', source='nominal', minutes=5.0, seed=10)
    assert [job.world for job in JUDGED if job.model == control] == ['soft', 'weak_motors']
    assert list(JOBS).count(control) == 1


def test_controls_have_the_largest_amount_of_data_or_every_amount():
    def amounts(jobs):
        return {job.minutes for job in jobs if getattr(job, 'source', '') == 'nominal'}

    every = GridSettings(**{**vars(GRID), 'every_control': True, 'residual_seeds': 0})
    assert amounts(JOBS) == {5.0, 1.0}  # 1 min is the largest of `residual`
    assert amounts(list_jobs(every, TrialSettings())) == {5.0, 1.0}
    none = GridSettings(**{**vars(GRID), 'residual_seeds': 0})
    assert amounts(list_jobs(none, TrialSettings())) == {5.0}


def test_further_amounts_of_data_are_for_few_seeds_and_come_last():
    grid = GridSettings(**{**vars(GRID), 'further_minutes': (9.0,), 'further_seeds': 1})
    jobs = list(list_jobs(grid, TrialSettings()))
    judged = [job for job in jobs if isinstance(job, Judge)]
    further = [(t.method, t.world, t.seed) for t in judged if t.minutes == 9.0]
    assert further == [
        (method, world, 0) for method in ('dynamics', 'residual') for world in grid.worlds
    ]
    assert [t.minutes for t in judged[-len(further) :]] == [9.0] * len(further)
    collected = {
        (t.world, t.seed): t.minutes for t in jobs if isinstance(t, Collect) and t.seed < 2
    }
    assert collected == {
        (world, seed): 9.0 if seed == 0 and world != 'nominal' else 5.0
        for world in ('nominal', 'soft', 'weak_motors')
        for seed in (0, 1)
    }


def test_what_learned_from_all_data_is_judged_on_nominal_ground_too():
    found = {(t.method, t.source, t.minutes) for t in JUDGED if t.world == 'nominal'}
    assert found == {
        (NONE, '', 0.0),
        ('policy_pi', '', 0.0),
        ('dynamics', 'soft', 5.0),
        ('dynamics', 'weak_motors', 5.0),
        ('residual', 'soft', 1.0),
        ('residual', 'weak_motors', 1.0),
    }


def test_a_part_needs_the_model_that_it_is_of_and_walks_in_the_world_of_its_data_alone():
    parts = {job: needs for job, needs in JOBS.items() if getattr(job, 'method', '') in PARTS}
    assert len(parts) == 2 * 2 * 2  # parts, worlds, seeds
    for job, needs in parts.items():
        assert job.world == job.source
        assert needs == (Adapt(method='dynamics', source=job.source, minutes=5.0, seed=job.seed),)


def test_only_the_methods_asked_for_are_done_with_what_they_need():
    few = GridSettings(**{**vars(GRID), 'methods': 'policy_pi dynamics_nominal practice'})
    jobs = list_jobs(few, TrialSettings(seed=10))
    assert {job.method for job in jobs if isinstance(job, Judge)} == {
        'policy_pi',
        'dynamics',
        'practice',
    }
    judged = [job for job in jobs if isinstance(job, Judge)]
    assert {job.source for job in judged if job.method == 'dynamics'} == {'nominal'}
    assert set(jobs) < set(JOBS)
    for needs in jobs.values():
        assert set(needs) <= set(jobs)


def test_every_model_is_judged_by_data_that_nobody_learns_from():
    for job, needs in JOBS.items():
        if isinstance(job, Judge) and job.predicts:
            assert Collect(world=job.world, seed=HELD_OUT, minutes=1.0) in needs


def test_no_two_walks_have_the_same_seed():
    seeds = [
        walk_seed(purpose, seed, number)
        for purpose in (DATA, JUDGING)
        for seed in (0, 1, HELD_OUT)
        for number in (0, 1, 999)
    ]
    assert len(set(seeds)) == len(seeds)


@pytest.mark.parametrize(
    ('section', 'values', 'sentence'),
    [
        ('grid', {'worlds': 'nominal'}, "names 'nominal', which is the control"),
        ('grid', {'worlds': 'soft ./soft.yaml'}, "names 'soft' twice"),
        ('grid', {'worlds': ' '}, 'grid.worlds is empty'),
        ('grid', {'methods': 'polici'}, "unknown method 'polici'; did you mean 'policy'"),
        ('grid', {'methods': 'none none'}, "grid.methods names 'none' twice"),
        ('grid', {'speeds': '0.5 0.5'}, r'grid.speeds is \[0.5, 0.5\]; name each speed once'),
        ('grid', {'all_seeds': '9'}, 'grid.all_seeds is 9, more than the 8 of grid.num_seeds'),
        ('grid', {'residul_seeds': '1'}, "did you mean 'residual_seeds'"),
        ('finetune', {'method': 'all'}, 'finetune.method: each trial has its own'),
        ('mppi', {'explore_share': '0.3'}, 'mppi.explore_share: only walks for data try'),
        ('trial', {'walk_s': 'nan'}, 'must be a finite number'),
    ],
)
def test_settings_that_make_no_benchmark_are_refused(section, values, sentence):
    with pytest.raises(ConfigError, match=sentence):
        read_settings('cpu', {section: values})


def test_an_unknown_preset_is_refused_with_a_suggestion():
    with pytest.raises(ConfigError, match="did you mean 'smoke'"):
        read_settings('smok', {})


def test_rivals_walk_on_nominal_ground_too_and_need_nothing():
    rivals = [job for job in JUDGED if job.method == 'policy_pi']
    assert {job.world for job in rivals} == {'soft', 'weak_motors', 'nominal'}
    for job in rivals:
        assert job.model is None
        assert not JOBS[job]


@pytest.mark.parametrize(
    ('rivals', 'sentence'),
    [
        ('expert polici', r"grid.rivals: unknown rival 'polici'; did you mean 'policy'"),
        ('expert expert', r"grid.rivals names 'expert' twice; name each rival once"),
    ],
)
def test_what_is_no_rival_is_refused(rivals, sentence):
    with pytest.raises(ConfigError, match=sentence):
        GridSettings(rivals=rivals)


def test_a_ceiling_walks_where_there_is_a_file_for_it(tmp_path):
    (tmp_path / 'soft.safetensors').touch()
    grid = GridSettings(**{**vars(GRID), 'ceilings': str(tmp_path)})
    jobs = list_jobs(grid, TrialSettings(seed=10))
    ceilings = [job for job in jobs if isinstance(job, Judge) and job.method == 'ceiling']
    assert [(job.world, job.seed) for job in ceilings] == [('soft', 10), ('soft', 11)]
    assert set(jobs) - set(ceilings) == set(JOBS)
