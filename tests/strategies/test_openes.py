import re

import pytest
import torch
from torch import nn

import deapnets as dn
from deapnets.errors import LayoutError, OptionError


def scored_by(strategy, individual_class, fitness):
    population = strategy.generate(individual_class)
    for one in population:
        one.fitness.values = (fitness(one.weights),)
    return population


@pytest.mark.parametrize("rank", [None, 1, 2])
def test_a_step_of_sgd_follows_the_formula_of_the_paper(rank, net, individual_class):
    strategy = dn.OpenES(net, 0.2, 0.5, 12, rank=rank, optimiser="sgd", momentum=0.0, shaping="raw")
    before = strategy.weights.clone()
    population = scored_by(strategy, individual_class, lambda w: float(w[:3].sum()))
    rows = torch.stack([one.weights for one in population])
    fitness = torch.tensor([one.fitness.values[0] for one in population])
    noise = (rows - before) / 0.2
    gradient = (fitness[:, None] * noise).sum(0) / (12 * 0.2)
    strategy.update(population)
    torch.testing.assert_close(strategy.weights, before + 0.5 * gradient, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rank", [None, 1])
def test_the_estimate_of_many_children_points_along_the_gradient(rank, individual_class):
    net = nn.Linear(6, 5)
    direction = torch.randn(35)
    strategy = dn.OpenES(
        net, 0.1, 1.0, 4000, rank=rank, optimiser="sgd", momentum=0.0, shaping="raw"
    )
    before = strategy.weights.clone()
    strategy.update(scored_by(strategy, individual_class, lambda w: float(w @ direction)))
    moved = strategy.weights - before
    assert torch.cosine_similarity(moved, direction, 0) > 0.95
    assert moved.norm() == pytest.approx(float(direction.norm()), rel=0.1)


def test_the_averaged_centre_lies_between_the_centres(net, evolve, individual_class):
    strategy = dn.OpenES(net, 0.1, 0.1, 20, averaging=0.9)
    centres = [strategy.weights]
    for _ in range(20):
        evolve(strategy)
        centres.append(strategy.weights)
    found = strategy.centres(individual_class)
    assert list(found) == ["centre", "average"]
    rows = torch.stack(centres)
    average = found["average"].weights
    assert bool(((average >= rows.amin(0) - 1e-6) & (average <= rows.amax(0) + 1e-6)).all())
    assert not torch.equal(average, strategy.weights)


def test_without_averaging_the_centre_is_all_there_is(net, evolve, individual_class):
    strategy = dn.OpenES(net, 0.1, 0.1, 4)
    evolve(strategy, 2)
    assert list(strategy.centres(individual_class)) == ["centre"]


def test_named_noise_is_what_children_are_made_with(individual_class):
    strategy = dn.OpenES(nn.Linear(30, 30), 0.5, 0.1, 10, distribution="rademacher")
    child = strategy.generate(individual_class)[0]
    torch.testing.assert_close((child.weights - strategy.weights).abs().amax(), torch.tensor(0.5))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sigma": 0.0}, "sigma is finite and above 0, got 0.0."),
        ({"step": -1.0}, "step is finite and above 0, got -1.0."),
        ({"sigma_end": 0.0}, "sigma_end is finite and above 0, got 0.0."),
        ({"optimiser": "sdg"}, 'Unknown optimiser "sdg". Did you mean "sgd"?'),
        ({"shaping": "ranks"}, 'Unknown shaping "ranks". Did you mean "rank"?'),
        ({"averaging": 1.0}, "averaging is a number in [0, 1), got 1.0."),
        ({"ngen": 0}, "ngen is at least 1, or None, got 0."),
        ({"rank": 0}, "rank is a whole number of at least 1, got 0."),
        ({"rank": 1.5}, "rank is a whole number of at least 1, got 1.5."),
        (
            {"rank": 3},
            'rank 3 is above what parameter "2.weight" of 2 x 4 has: noise of rank 2 is full. '
            "Give a smaller rank, or leave it out.",
        ),
        (
            {"rank": 1, "distribution": "laplace"},
            "Noise of a rank is made of gaussian factors, laplace noise is full. "
            "Leave out rank or distribution.",
        ),
    ],
)
def test_what_it_cannot_use_is_told_at_once(settings, message, net):
    with pytest.raises(OptionError, match=re.escape(message)):
        dn.OpenES(net, **{"sigma": 0.1, **settings})


def test_a_rank_needs_a_matrix():
    with pytest.raises(LayoutError, match=r"Low-rank noise needs a network with a matrix: 4 weig"):
        dn.OpenES(nn.LayerNorm(2), 0.1, rank=1)
