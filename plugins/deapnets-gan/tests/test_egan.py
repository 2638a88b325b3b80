"""Children that are trained under one of three losses."""

import random

import pytest
import torch
from deapnets_gan.egan import LOSSES, EganSettings
from deapnets_gan.generators import build_generator
from deapnets_gan.judges import JudgeOptions
from deapnets_gan.task import Generative

import deapnets as dn
from deapnets.errors import OptionError


@pytest.fixture
def begin(images):
    def begin(judge="discriminator", **settings):
        random.seed(1)
        torch.manual_seed(1)
        net = build_generator("mlp-16", 4, images.train)
        task = Generative(net, images, JudgeOptions(judge), latent=4, batch_size=32)
        return EganSettings(**settings).begin(task, dn.PopulationMap(device="cpu", seed=1))

    return begin


def test_losses_are_those_of_the_paper():
    logits = torch.tensor([-1.0, 0.5])
    real = torch.sigmoid(logits)
    assert LOSSES["minimax"](logits) == pytest.approx(float(torch.log(1 - real).mean()))
    assert LOSSES["heuristic"](logits) == pytest.approx(float(-torch.log(real).mean()))
    assert LOSSES["least_squares"](logits) == pytest.approx(float((real - 1).square().mean()))


def test_every_parent_has_a_child_by_each_loss_and_the_best_become_parents(begin):
    loop = begin(population=6)
    first = loop.step(0.0)
    assert len(first.population) == 2
    second = loop.step(0.1)
    assert len(second.population) == 6
    assert second.parents == first.population
    third = loop.step(0.2)
    best = sorted(second.population, key=lambda one: one.fitness, reverse=True)[:2]
    assert third.parents == best
    assert sum(loop.figures().values()) == pytest.approx(1.0)


def test_generators_that_are_trained_come_nearer_to_real_images(begin, images):
    loop = begin()
    task = loop._evaluator
    start = loop.step(0.0).population[0]
    for _ in range(60):
        loop.step(0.5)
    end = loop.candidates()["champion"]
    before, after = (
        float(task.validate(task.networks(one))["validation_frechet_distance"])
        for one in (start, end)
    )
    assert after < before


def test_what_cannot_be_used_is_said(begin):
    with pytest.raises(OptionError, match=r"population is a multiple of 3.*got 4"):
        EganSettings(population=4)
    with pytest.raises(OptionError, match="rate is finite and above 0"):
        EganSettings(rate=0.0)
    with pytest.raises(OptionError, match=r"against a discriminator.*-o judge=discriminator"):
        begin("feature")
