"""The formulas, on weights whose cost is known."""

import re

import pytest
import torch
from deapnets_noise.rules import (
    AcceptIfBetter,
    Annealing,
    AntitheticES,
    CostTimesNoise,
    Spsa,
    Step,
    layer_scales,
    rate_at,
    rule_of,
)
from torch import nn

from deapnets.errors import OptionError
from deapnets.genomes.layout import Layout

N, P = 4, 6
ALL = ["cost", "blind", "accept", "annealing", "spsa", "es"]


def step_of(rule, progress=0.0, rate=0.5, scales=None):
    noise = torch.randn(rule.directions, N, P)
    scales = torch.ones(P) if scales is None else scales
    return Step(noise, scales, rate, progress, torch.full((N,), 0.5))


def bowl(rows):
    """Return the cost of weights: half their squared length, so that the gradient is the rows."""
    return 0.5 * rows.square().sum(-1)


def moved(rule, rows, step, costs=bowl):
    proposed = rule.proposals(rows, step)
    assert proposed.shape == (rule.evaluations, N, P)
    return rule.update(rows, proposed, costs(proposed), step)


def test_noise_times_cost_moves_by_rate_cost_scale_and_noise():
    rule, rows = CostTimesNoise(), torch.randn(N, P)
    scales = torch.tensor([1.0, 1.0, 0.1, 0.1, 0.01, 0.01])
    step = step_of(rule, scales=scales)
    expected = rows - 0.5 * bowl(rows)[:, None] * scales * step.noise[0]
    torch.testing.assert_close(moved(rule, rows, step), expected)


def test_cost_of_one_moves_wherever_the_cost_is():
    rule, rows = CostTimesNoise(cost_of_one=True), torch.randn(N, P)
    step = step_of(rule)
    torch.testing.assert_close(moved(rule, rows, step), rows - 0.5 * step.noise[0])


def test_step_that_does_not_help_is_not_accepted():
    rule, rows = AcceptIfBetter(), torch.randn(N, P)
    for _ in range(50):
        after = moved(rule, rows, step_of(rule, rate=0.3))
        assert (bowl(after) <= bowl(rows)).all()
        rows = after
    assert float(bowl(rows).mean()) < 1.0


def test_annealing_accepts_by_the_temperature_that_is_left():
    rule, rows = Annealing(), torch.zeros(N, P)
    step = step_of(rule, rate=0.01)
    warm = moved(rule, rows, step, lambda proposed: 0.005 * torch.ones(2, N).cumsum(0))
    assert not torch.equal(warm, rows)  # exp(-0.005 / 0.01) is above the chance of 0.5
    cold = step_of(rule, progress=0.9, rate=0.01)
    kept = moved(rule, rows, cold, lambda proposed: 0.005 * torch.ones(2, N).cumsum(0))
    assert torch.equal(kept, rows)


@pytest.mark.parametrize("rule", [Spsa(), AntitheticES()])
def test_slopes_of_a_quadratic_are_exact(rule):
    rows = torch.randn(N, P, dtype=torch.float64)
    step = step_of(rule)
    step = Step(step.noise.double(), step.scales, step.rate, step.progress, step.chance)
    slopes = (step.noise * rows).sum(-1)
    expected = rows - step.rate * (slopes[:, :, None] * step.noise).mean(0)
    torch.testing.assert_close(moved(rule, rows, step), expected)


@pytest.mark.parametrize("name", ALL)
def test_network_is_moved_alike_alone_and_in_company(name):
    rule, rows = rule_of(name), torch.randn(N, P)
    step = step_of(rule)
    together = moved(rule, rows, step)
    alone = Step(step.noise[:, 1:2], step.scales, step.rate, step.progress, step.chance[1:2])
    proposed = rule.proposals(rows[1:2], alone)
    torch.testing.assert_close(
        rule.update(rows[1:2], proposed, bowl(proposed), alone)[0], together[1]
    )


def test_scales_follow_the_layers_from_input_to_output():
    net = nn.Sequential(
        nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1), nn.Linear(1, 1)
    )
    scales = layer_scales(Layout.of(net))
    expected = torch.tensor([1.0] * 9 + [0.1] * 8 + [0.01] * 5)
    assert torch.equal(scales, expected)


def test_rate_is_halved_after_each_quarter():
    at = [0.0, 0.24, 0.25, 0.5, 0.75, 1.0]
    assert [rate_at(0.8, progress) for progress in at] == [0.8, 0.8, 0.4, 0.2, 0.1, 0.1]


def test_unknown_rule_names_the_near_one():
    expected = 'Unknown rule "spas". Did you mean "spsa"? Valid: accept, annealing, blind, cost, '
    with pytest.raises(OptionError, match=f"^{re.escape(expected)}"):
        rule_of("spas")
