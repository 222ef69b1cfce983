"""Tables from handmade results, by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from simdist_ros.studies.cells import Cell
from simdist_ros.studies.collect import CollectResult
from simdist_ros.studies.figures import largest_amounts
from simdist_ros.studies.finetuning import AdaptResult
from simdist_ros.studies.jobs import Adapt, Collect, Judge
from simdist_ros.studies.judging import JudgeResult
from simdist_ros.studies.progress import StudyProgress
from simdist_ros.studies.report import rows_of, write_report
from simdist_ros.studies.results import ResultLog, read_entry
from simdist_ros.studies.settings import PRESETS
from simdist_ros.studies.summary import falls_while_learning, summarise
from simdist_ros.studies.tables import Words, error_table, walk_table

ERROR = [0.4, 0.8, 1.2]


def result(*progress, error=1.0, falls=0, reward=3.0, speed=0.5, succeeded=None):
    """Return walks at one speed; an error scales prediction errors."""
    errors = [error * e for e in ERROR]
    walks = len(progress)
    return JudgeResult(
        speed=[speed] * walks,
        progress_m=list(progress),
        line_m=[5.0] * walks,
        fell=[number < falls for number in range(walks)],
        command_error=[0.1] * walks,
        reward_per_s=[reward] * walks,
        succeeded=[succeeded] * walks,
        error=errors,
        slip_error=[2.0 * e for e in errors],
    )


def both(slow, fast):
    """Return walks at two speeds."""
    joined = {
        name: getattr(slow, name) + getattr(fast, name)
        for name in ('speed', 'progress_m', 'line_m', 'fell', 'command_error', 'reward_per_s')
    }
    return replace(slow, **joined, succeeded=slow.succeeded + fast.succeeded)


def fallen(falls):
    return CollectResult(walks=9, falls=falls, episodes=9, minutes=5.0)


def judged(method, source, minutes, world, results):
    return {
        Judge(method=method, source=source, minutes=minutes, world=world, seed=seed): found
        for seed, found in enumerate(results)
    }


ADAPTED = AdaptResult(accepted=True, reason='', num_steps=300, best_step=200, seconds=9.0)
RESULTS = {
    **judged('none', '', 0.0, 'soft', [result(1.0, 1.0, falls=1), result(1.0, 3.0)]),
    **judged('none', '', 0.0, 'nominal', [result(4.0), result(4.0)]),
    Adapt(method='dynamics', source='soft', minutes=5.0, seed=0): ADAPTED,
    Adapt(method='dynamics', source='soft', minutes=5.0, seed=1): replace(ADAPTED, accepted=False),
    **judged('dynamics', 'soft', 5.0, 'soft', [result(4.0, error=0.2), result(5.0, error=0.3)]),
    **judged('dynamics', 'soft', 1.0, 'soft', [result(2.0, error=0.8), result(2.5, error=0.8)]),
    **judged('dynamics', 'nominal', 5.0, 'soft', [result(2.0), result(3.0)]),
    **judged('dynamics', 'soft', 5.0, 'nominal', [result(3.8), result(4.0)]),
    **judged('residual', 'soft', 1.0, 'soft', [result(2.0, error=0.6), result(2.0, error=0.5)]),
    **judged('residual', 'soft', 5.0, 'soft', [result(2.0, error=0.5)]),
}
SUMMARY = summarise(RESULTS, ['soft'])


def row(method, source, minutes, world='soft', summary=SUMMARY):
    (found,) = [r for r in summary.walks if r.cell == Cell(method, source, minutes, world)]
    return found


def model(method, source, minutes, world='soft', summary=SUMMARY):
    (found,) = [r for r in summary.models if r.cell == Cell(method, source, minutes, world)]
    return found


def test_progress_is_a_mean_over_seeds_with_its_interval():
    none = row('none', '', 0.0)
    assert none.progress_m.mean == 1.5  # of 1 and 2
    assert none.progress_m.high - 1.5 == pytest.approx(12.706 * 0.5)
    assert (none.seeds, none.walks, none.falls) == (2, 4, 1)


def test_the_gap_closed_is_a_share_of_the_way_to_the_success_line():
    found = row('dynamics', 'soft', 5.0)
    assert found.gain_m.mean == 3.0  # of 4 - 1 and 5 - 2
    assert found.gap_closed.mean == pytest.approx(3.0 / 3.5)
    assert found.gap_closed.low == pytest.approx(found.gap_closed.mean)  # both gained as much


def test_every_fallen_walk_counts_not_every_seed_with_one():
    fallen = judged(
        'none', '', 0.0, 'soft', [result(1.0, 1.0, falls=2), result(1.0, 1.0, falls=1)]
    )
    (found,) = summarise(fallen, ['soft']).walks
    assert (found.walks, found.falls, found.seeds) == (4, 3, 2)


def test_where_there_is_no_gap_no_share_of_it_is_closed():
    beyond = {
        **judged('none', '', 0.0, 'soft', [result(6.0), result(7.0)]),
        **judged('dynamics', 'soft', 5.0, 'soft', [result(4.0), result(3.5)]),
    }
    found = row('dynamics', 'soft', 5.0, summary=summarise(beyond, ['soft']))
    assert found.gain_m.mean == -1.25  # what is beyond the line of 5 m was not asked for
    assert math.isnan(found.gap_closed.mean)


def test_a_share_of_the_gap_keeps_its_interval():
    uneven = {
        **judged('none', '', 0.0, 'soft', [result(1.0), result(1.0)]),
        **judged('dynamics', 'soft', 5.0, 'soft', [result(2.0), result(4.0)]),
    }
    found = row('dynamics', 'soft', 5.0, summary=summarise(uneven, ['soft']))
    assert found.gap_closed.mean == pytest.approx(0.5)
    assert found.gap_closed.high == pytest.approx(0.5 + 12.706 * 1.0 / 4.0)
    assert found.gap_closed.low == pytest.approx(0.5 - 12.706 * 1.0 / 4.0)


def test_a_method_is_compared_with_its_control_seed_by_seed():
    found = row('dynamics', 'soft', 5.0)
    assert found.over_control_m.mean == 2.0
    assert math.isnan(row('dynamics', 'soft', 1.0).over_control_m.mean)
    assert math.isnan(row('dynamics', 'nominal', 5.0).over_control_m.mean)


def test_fewer_seeds_are_compared_with_the_same_seeds_of_the_unadapted_model():
    found = row('residual', 'soft', 5.0)
    assert found.gain_m.mean == 1.0
    assert found.gap_closed.mean == pytest.approx(1.0 / 4.0)
    assert math.isinf(found.gain_m.low)


def test_seeds_that_the_unadapted_model_lacks_are_walked_and_not_compared():
    more = {
        **judged('none', '', 0.0, 'soft', [result(1.0), result(2.0)]),
        **judged('dynamics', 'soft', 5.0, 'soft', [result(2.0), result(4.0), result(4.5)]),
    }
    found = row('dynamics', 'soft', 5.0, summary=summarise(more, ['soft']))
    assert (found.seeds, found.progress_m.mean) == (3, 3.5)
    assert found.gain_m.mean == 1.5  # of 2 - 1 and 4 - 2
    assert found.gap_closed.mean == pytest.approx(1.5 / 3.5)


def test_the_error_factor_is_that_of_the_step_where_the_error_fell_least():
    found = model('dynamics', 'soft', 5.0)
    assert found.error_factor == pytest.approx(1.0 / 0.25)
    assert found.error_mean.mean == pytest.approx(0.25 * 0.8)
    worse = replace(result(1.0), error=[0.1, 0.8, 2.4])
    other = summarise({**RESULTS, **judged('all', 'soft', 5.0, 'soft', [worse])}, ['soft'])
    assert model('all', 'soft', 5.0, summary=other).error_factor == pytest.approx(0.5)


def test_what_the_gate_said_and_the_training_took_is_counted():
    found = model('dynamics', 'soft', 5.0)
    assert (found.accepted, found.num_steps, found.finetune_s) == (1, 300.0, 9.0)


def test_residual_and_dynamics_are_compared_where_they_learned_from_the_same():
    first, second = SUMMARY.crossings
    assert (first.minutes, first.seeds) == (1.0, 2)
    assert first.factor.mean == pytest.approx(math.sqrt(0.6 / 0.8 * 0.5 / 0.8))
    assert (second.minutes, second.seeds) == (5.0, 1)
    assert second.factor.mean == pytest.approx(2.5)


def test_what_learned_from_another_world_is_no_comparison_of_residual_and_dynamics():
    controls = judged('residual', 'nominal', 5.0, 'soft', [result(2.0, error=0.1)])
    assert summarise({**RESULTS, **controls}, ['soft']).crossings == SUMMARY.crossings


def test_errors_are_drawn_of_the_largest_amount_that_has_a_control():
    more = {**RESULTS, **judged('dynamics', 'soft', 9.0, 'soft', [result(4.0)])}
    drawn = largest_amounts(summarise(more, ['soft']).models_in('soft'))
    assert {row.cell.name: row.cell.minutes for row in drawn} == {
        'none': 0.0,
        'dynamics': 5.0,
        'dynamics_nominal': 5.0,
        'residual': 5.0,
    }


def test_a_world_that_was_not_asked_for_is_left_out():
    more = {**RESULTS, **judged('none', '', 0.0, 'ice', [result(1.0)])}
    assert summarise(more, ['soft']) == SUMMARY


@pytest.fixture
def log(tmp_path):
    found = ResultLog(tmp_path / 'results.jsonl')
    for job, value in RESULTS.items():
        found.add(job, value, 1.5)
    return found


def test_results_come_back_as_they_were_and_a_half_written_line_is_dropped(log):
    with log.path.open('a') as file:
        file.write('{"kind": "jud')
    again = ResultLog(log.path)
    assert again.results == log.results
    assert set(again.seconds.values()) == {1.5}
    job = Collect(world='soft', seed=3, minutes=1.0)
    again.add(job, CollectResult(walks=3, falls=1, episodes=9, minutes=1.01), 2.0)
    assert ResultLog(log.path).results == again.results


WALKING = Words(progress_is='metres ahead', error_unit='mps', unit='m/s')


def test_the_report_says_it_in_words_and_numbers_and_draws_it(log, tmp_path):
    about = {'command': '`simdist bench adaptation`', 'commit': 'abc'}
    settings = {'trial': {'judged_s': 10.0, 'speeds': (0.5,)}}
    words = replace(WALKING, no_ceiling={'soft': 'grid.ceilings names no folder'})
    write_report(tmp_path, log, ['soft'], about, settings, words)
    text = (tmp_path / 'report.md').read_text()
    assert '- command: `simdist bench adaptation`' in text
    assert 'Progress: metres ahead; it is not capped' in text
    assert (
        '| `dynamics` | 5 | 2 | 4.50 (-1.85 .. 10.85) | 0 of 2 | 0.100 (0.100 .. 0.100) | ' in text
    )
    assert '| 3.000 (3.000 .. 3.000) | 86 (86 .. 86) % | +2.00 (+2.00 .. +2.00) |' in text
    assert '| 1 of 2 | 300 steps, 9 s |' in text
    assert '| `dynamics_nominal` | 5 |' in text
    assert 'No row `ceiling`: grid.ceilings names no folder.' in text
    for absent in ('success |', 'way to the ceiling |', 'against the best rival |'):
        assert absent not in text
    assert '1 min, seeds: 2' in text
    assert '0.685' in text
    assert 'residual predicts better, not significant' in text
    assert 'They cross between 1 and 5 min, it seems.' in text
    assert '## Nominal ground, 0.5 m/s, after adapting elsewhere' in text
    assert '| `dynamics` | soft | 5 | 2 | 3.90' in text
    assert '-2.5 (' in text  # percent of what it walked on nominal ground before
    assert '- trial: judged_s 10.0, speeds 0.5' in text
    for name in ('soft.png', 'soft_prediction.png'):
        assert name in text
        assert (tmp_path / name).read_bytes().startswith(b'\x89PNG')
    data = json.loads((tmp_path / 'report.json').read_text())
    assert len(data['results']) == len(RESULTS)
    assert data['summary']['walks'][0]['cell']['method'] == 'none'


def test_a_part_of_the_benchmark_is_reported_too(tmp_path):
    log = ResultLog(tmp_path / 'results.jsonl')
    log.add(*next(iter(RESULTS.items())), 1.0)
    write_report(tmp_path, log, ['soft', 'high_joint_friction'], {}, {}, WALKING)
    assert (tmp_path / 'soft.png').exists()
    assert not (tmp_path / 'high_joint_friction.png').exists()
    assert '## soft' in (tmp_path / 'report.md').read_text()


def test_a_report_of_rivals_alone_shows_no_figure_that_is_not_there(tmp_path):
    log = ResultLog(tmp_path / 'results.jsonl')
    for job, found in judged('policy', '', 0.0, 'soft', [result(1.0)]).items():
        log.add(job, found, 1.0)
    write_report(tmp_path, log, ['soft'], {}, {}, WALKING)
    text = (tmp_path / 'report.md').read_text()
    assert {name for name in ('soft.png', 'soft_prediction.png') if f'({name})' in text} == {
        path.name for path in tmp_path.glob('*.png')
    }
    assert 'soft.png' in text


def test_an_error_without_that_of_the_unadapted_model_has_no_factor(tmp_path):
    alone = judged('dynamics', 'soft', 5.0, 'soft', [result(1.0)])
    text = '\n'.join(error_table(summarise(alone, ['soft']).models))
    assert 'nan x' not in text
    assert '4.00 x' in '\n'.join(error_table(SUMMARY.models))


def test_the_time_left_follows_from_how_long_such_tasks_took(tmp_path):
    log = ResultLog(tmp_path / 'results.jsonl')
    jobs = [Collect(world='soft', seed=seed, minutes=1.0) for seed in range(4)]
    jobs.append(Adapt(method='all', source='soft', minutes=1.0, seed=0))
    progress = StudyProgress(jobs, log, PRESETS['cpu'], 2, lambda line: None)
    log.add(jobs[0], CollectResult(walks=3, falls=0, episodes=9, minutes=1.0), 30.0)
    assert progress.seconds_left() == pytest.approx((3 * 30.0 + 0.5 * 60.0) / 2)
    log.add(jobs[4], ADAPTED, 200.0)
    assert progress.seconds_left() == pytest.approx(3 * 30.0 / 2)


def test_rivals_stand_beside_the_unadapted_model_and_are_told_from_what_was_finetuned():
    results = {
        **RESULTS,
        **judged('policy', '', 0.0, 'soft', [result(2.0), result(2.0)]),
        **judged('policy', 'soft', 1.0, 'soft', [result(3.0)]),
        **judged('policy', 'nominal', 1.0, 'soft', [result(3.0)]),
    }
    summary = summarise(results, ['soft'])
    rows = summary.walks_in('soft')[0.5]
    names = [row.cell.name for row in rows]
    assert names[:2] == ['none', 'policy']
    assert names[-2:] == ['policy_finetuned', 'policy_finetuned_nominal']
    assert rows[1].gain_m.mean == pytest.approx(0.5)
    assert rows[1].reward_per_s.mean == pytest.approx(3.0)
    assert 'policy' not in [row.cell.name for row in summary.models]


def test_falls_while_learning_are_told_of_where_all_the_data_were_used():
    falls = {
        Collect(world='soft', seed=0, minutes=5.0): fallen(3),
        Collect(world='soft', seed=1, minutes=5.0): fallen(0),
    }
    results = {**RESULTS, **falls, **judged('belief', 'soft', 5.0, 'soft', [result(2.0)])}
    summary = summarise(results, ['soft'])
    assert row('dynamics', 'soft', 5.0, summary=summary).falls_while_learning == 1.5
    assert row('dynamics', 'soft', 5.0, 'nominal', summary).falls_while_learning == 1.5
    assert row('belief', 'soft', 5.0, summary=summary).falls_while_learning == 3.0
    for unknown in (('dynamics', 'soft', 1.0), ('dynamics', 'nominal', 5.0), ('none', '', 0.0)):
        assert math.isnan(row(*unknown, summary=summary).falls_while_learning)
    job = Judge(method='dynamics', source='soft', minutes=5.0, seed=0, world='soft')
    known = falls_while_learning(results)
    (told,) = rows_of(job, results[job], WALKING, known)
    assert told['falls_while_learning'] == 3
    text = '\n'.join(walk_table(summary.walks_in('soft')[0.5], WALKING))
    assert '| 1.5 a seed |' in text
    calm = replace(WALKING, can_fail=False)
    assert 'a seed' not in '\n'.join(walk_table(summary.walks_in('soft')[0.5], calm))


def test_a_part_of_what_was_learned_is_no_rival_and_predicts_nothing():
    parts = {
        **judged('belief', 'soft', 5.0, 'soft', [result(2.0, reward=9.0)] * 2),
        **judged('practice', 'soft', 5.0, 'soft', [result(2.0, reward=9.0)] * 2),
        **judged('policy', '', 0.0, 'soft', [result(2.0, reward=1.0)] * 2),
    }
    summary = summarise({**RESULTS, **parts}, ['soft'])
    names = [row.cell.name for row in summary.walks_in('soft')[0.5]]
    assert names[-2:] == ['belief', 'practice']
    assert row('dynamics', 'soft', 5.0, summary=summary).rival == 'policy'
    assert {'belief', 'practice'}.isdisjoint(row.cell.name for row in summary.models)


def test_each_speed_is_summed_up_by_itself():
    fast = result(9.0, falls=1, reward=1.0, speed=1.0)
    results = judged('none', '', 0.0, 'soft', [both(result(4.0), fast)] * 2)
    walks = summarise(results, ['soft']).walks_in('soft')
    assert list(walks) == [0.5, 1.0]
    (slow,), (fast,) = walks.values()
    assert (slow.progress_m.mean, slow.falls, slow.reward_per_s.mean) == (4.0, 0, 3.0)
    assert (fast.progress_m.mean, fast.falls, fast.reward_per_s.mean) == (9.0, 2, 1.0)
    assert (slow.seeds, slow.walks) == (fast.seeds, fast.walks) == (2, 2)


def test_the_way_to_the_ceiling_is_a_share_of_the_reward_that_it_has_beyond_none():
    results = {
        **judged('none', '', 0.0, 'soft', [result(1.0, reward=1.0)] * 3),
        **judged('dynamics', 'soft', 5.0, 'soft', [result(2.0, reward=x) for x in (2, 2.5, 3)]),
        **judged('ceiling', '', 0.0, 'soft', [result(5.0, reward=3.0)] * 3),
    }
    summary = summarise(results, ['soft'])
    assert row('dynamics', 'soft', 5.0, summary=summary).way_to_ceiling.mean == 0.75
    assert row('ceiling', '', 0.0, summary=summary).way_to_ceiling.mean == 1.0
    assert math.isnan(row('dynamics', 'soft', 5.0).way_to_ceiling.mean)


def test_the_best_rival_is_that_with_the_largest_reward_and_never_the_ceiling():
    results = {
        **judged('none', '', 0.0, 'soft', [result(1.0, reward=1.0)] * 2),
        **judged('expert', '', 0.0, 'soft', [result(1.0, reward=2.0)] * 2),
        **judged('policy_pi', '', 0.0, 'soft', [result(5.0, reward=x) for x in (2.0, 2.5)]),
        **judged('ceiling', '', 0.0, 'soft', [result(5.0, reward=4.0)] * 2),
        **judged('dynamics', 'soft', 5.0, 'soft', [result(2.0, reward=x) for x in (2.0, 3.0)]),
    }
    summary = summarise(results, ['soft'])
    found = row('dynamics', 'soft', 5.0, summary=summary)
    assert (found.rival, found.over_rival.mean) == ('policy_pi', 0.25)
    assert row('none', '', 0.0, summary=summary).over_rival.mean == -1.25
    assert math.isnan(row('expert', '', 0.0, summary=summary).over_rival.mean)


def test_successes_are_counted_where_the_task_has_an_end():
    done = judged('none', '', 0.0, 'soft', [result(1.0, succeeded=x) for x in (True, False, True)])
    (found,) = summarise(done, ['soft']).walks
    assert (found.successes, found.walks) == (2, 3)
    assert row('none', '', 0.0).successes is None
    lines = walk_table([found], replace(WALKING, error_unit='m', unit='m'))
    assert '| success | tracking error [m] |' in lines[0]
    assert '| 2 of 3 |' in lines[2]


def test_every_walk_has_a_row_in_the_report():
    job = Judge(method='expert', world='a/soft.yaml', seed=4)
    rows = list(rows_of(job, result(1.0, 6.0, falls=1), WALKING))
    assert rows[0] == {
        'world': 'soft',
        'method': 'expert',
        'source': '',
        'minutes': 0.0,
        'speed': 0.5,
        'seed': 4,
        'progress_m': 1.0,
        'line_m': 5.0,
        'fell': True,
        'tracking_error_mps': 0.1,
        'reward_per_s': 3.0,
    }
    assert not rows[1]['fell']
    assert rows[1]['progress_m'] == 6.0  # beyond the line
    control = Judge(method='dynamics', source='nominal', minutes=1.0, world='soft', seed=4)
    (found,) = rows_of(
        control, result(1.0, succeeded=True), replace(WALKING, error_unit='m', unit='m')
    )
    assert (found['method'], found['minutes']) == ('dynamics_nominal', 1.0)
    assert (found['tracking_error_m'], found['succeeded']) == (0.1, True)


PUBLISHED = Path(__file__).parents[2] / 'doc' / 'results' / 'adaptation' / 'report.json'


def test_results_that_were_published_before_can_still_be_summed_up():
    entries = json.loads(PUBLISHED.read_text())['results']
    results = dict(read_entry(entry) for entry in entries)
    assert len(results) == len(entries) > 200
    summary = summarise(results, ['slippery_slope', 'soft', 'stiff_joints'])
    before, after = (
        next(r for r in summary.walks if r.cell == Cell(method, source, minutes, 'soft'))
        for method, source, minutes in (('none', '', 0.0), ('dynamics', 'soft', 1.0))
    )
    assert before.progress_m.mean == pytest.approx(6.28, abs=0.01)
    assert after.gap_closed.mean == pytest.approx(0.95, abs=0.01)
    assert math.isnan(after.reward_per_s.mean)
