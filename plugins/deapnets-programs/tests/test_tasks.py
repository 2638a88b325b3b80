"""Tasks: of one shape, balanced, different for every seed; scores that mean what they say."""

import pytest
import torch
from deapnets_programs.tasks import FAMILIES, make_tasks


def test_every_family_is_there_with_numbers_of_like_size():
    tasks = make_tasks(12, 1)
    assert [name.rpartition(" ")[0] for name in tasks.names] == [*FAMILIES, *FAMILIES]
    assert tasks.inputs.shape == (12, 256, 4)
    assert tasks.targets.shape == tasks.test_targets.shape == (12, 256, 2)
    regressions = torch.cat([tasks.targets, tasks.test_targets], 1)[~tasks.classes]
    assert torch.allclose(regressions.mean(1), torch.zeros(6, 2), atol=1e-5)
    assert torch.allclose(regressions.std(1), torch.ones(6, 2), atol=0.01)
    assert torch.allclose(tasks.targets[tasks.classes].sum(-1), torch.ones(1))


def test_two_seeds_have_nothing_in_common_and_one_seed_is_the_same():
    first, again, other = make_tasks(6, 1), make_tasks(6, 1), make_tasks(6, 2)
    assert torch.equal(first.inputs, again.inputs)
    assert torch.equal(first.targets, again.targets)
    assert not (first.inputs == other.inputs).any()


def test_costs_are_those_of_torch():
    tasks = make_tasks(6, 1)
    outputs = torch.randn(6, 256, 2)
    for at, cost in enumerate(tasks.costs(outputs, tasks.targets)):
        if tasks.classes[at]:
            expected = torch.nn.functional.cross_entropy(outputs[at], tasks.targets[at].argmax(1))
        else:
            expected = torch.nn.functional.mse_loss(outputs[at], tasks.targets[at])
        assert cost == pytest.approx(float(expected), rel=1e-5)


def test_the_trivial_answer_scores_nothing_and_no_error_scores_one():
    tasks = make_tasks(6, 1)
    assert torch.allclose(tasks.scores(tasks.trivial()), torch.zeros(6))
    assert torch.equal(tasks.scores(torch.zeros(6)), torch.ones(6))
    assert torch.equal(tasks.scores(torch.full((6,), torch.nan)), -torch.ones(6))
    assert torch.equal(tasks.scores(torch.full((6,), torch.inf)), -torch.ones(6))
