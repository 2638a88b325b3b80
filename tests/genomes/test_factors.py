import re

import numpy as np
import pytest
import torch
from torch import nn

from deapnets.errors import LayoutError, OptionError
from deapnets.genomes.factors import add_noise, draw_factors, factoring
from deapnets.genomes.layout import Layout
from deapnets.randomness import Draw

NETS = {
    "chain": lambda: nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3)),
    "convolution": lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(12, 4)),
    "no bias": lambda: nn.Linear(6, 5, bias=False),
    "norm": lambda: nn.Sequential(nn.Linear(5, 4), nn.LayerNorm(4)),
}


@pytest.fixture(params=NETS)
def layout(request):
    return Layout.of(NETS[request.param]())


def noise(layout, rank, seeds, scale=1.0):
    plan = factoring(layout, rank)
    rows = torch.zeros(len(seeds), layout.width)
    draw = Draw(np.array(seeds, dtype=np.uint64), layout.width)
    add_noise(rows, draw_factors(draw, plan, scale), plan)
    return rows


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_every_matrix_has_noise_of_the_rank_and_no_other(rank, layout):
    (row,) = noise(layout, rank, [7])
    for values in layout.split(row).values():
        if values.dim() > 1:
            assert torch.linalg.matrix_rank(values.flatten(1)) == rank


@pytest.mark.parametrize("rank", [1, 2])
def test_every_weight_has_mean_zero_and_variance_of_the_scale(rank, layout):
    rows = noise(layout, rank, range(20_000), 0.5).double()
    assert rows.mean(0).abs().max() < 5 * 0.5 / 20_000**0.5
    assert rows.square().mean(0) == pytest.approx(0.25, rel=0.15)


def test_two_weights_are_uncorrelated(layout):
    rows = noise(layout, 1, range(20_000)).double()
    correlation = rows.T @ rows / len(rows) - torch.eye(rows.shape[1])
    assert correlation.fill_diagonal_(0).abs().max() < 0.06


def test_noise_of_a_child_is_the_same_alone_and_in_company(layout):
    together = noise(layout, 2, range(30))
    alone = torch.cat([noise(layout, 2, [seed]) for seed in range(30)])
    assert torch.equal(together, alone)


def test_a_negative_scale_gives_the_same_noise_with_the_other_sign(layout):
    assert torch.equal(noise(layout, 2, [1, 2], 0.3), -noise(layout, 2, [1, 2], -0.3))


def test_a_child_takes_as_many_numbers_as_its_factors_have():
    layout = Layout.of(NETS["convolution"]())
    assert factoring(layout, 2).counts == (2 * (3 + 4), 2 * (18 + 12), 3 + 4)


def test_a_rank_above_a_layer_is_refused_by_the_layers_name():
    message = (
        'rank 4 is above what parameter "2.weight" of 3 x 4 has: noise of rank 3 is full. '
        "Give a smaller rank, or leave it out."
    )
    with pytest.raises(OptionError, match=f"^{re.escape(message)}$"):
        factoring(Layout.of(NETS["chain"]()), 4)


def test_a_network_without_a_matrix_is_refused():
    with pytest.raises(LayoutError, match="Low-rank noise needs a network with a matrix: 8 weigh"):
        factoring(Layout.of(nn.LayerNorm(4)), 1)
