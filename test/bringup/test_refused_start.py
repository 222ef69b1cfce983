"""Settings that only a node can judge: the whole graph ends with that node's one sentence."""

from __future__ import annotations

import pytest

from .running import running_graph


@pytest.mark.parametrize(
    ('override', 'sentence'),
    [
        (
            'planner.mppi.num_sample=64',
            "node 'planner': unknown parameter 'mppi.num_sample'; did you mean "
            "'mppi.num_samples'?",
        ),
        (
            'supervisor.safety.stale_plan_s=2',
            "parameter 'safety.stale_plan_s' of node 'supervisor' is 2.0 s; allowed: 0.0 .. 1.0 s",
        ),
    ],
)
def test_a_parameter_that_a_node_refuses_ends_all_with_one_sentence(
    override, sentence, random_model, tmp_path
):
    arguments = ('--model', str(random_model), '--mode', 'lockstep', '--duration', '1')
    with running_graph(tmp_path / 'graph', *arguments, '--set', override) as graph:
        assert graph.wait() == 2
        said = graph.stderr.read_text().splitlines()  # a slow start may be told before
        assert [line for line in said if 'WARN' not in line] == [f'error: {sentence}']
        assert graph.pids() == {}
        assert graph.alive() == set()
        assert not graph.report.exists()
