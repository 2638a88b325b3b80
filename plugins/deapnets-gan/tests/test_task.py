"""Fitness of generators: fair, the same everywhere, and clear about what goes wrong."""

import random
import warnings

import pytest
import torch
from deap import base, creator, tools
from deapnets_gan.options import JudgeOptions
from deapnets_gan.task import Generative
from torch import nn

import deapnets as dn
from deapnets.errors import EvaluationError, OptionError
from deapnets.randomness import Stream

creator.create("FitnessOfGan", base.Fitness, weights=(1.0,))
creator.create("Maker", dn.WeightGenome, fitness=creator.FitnessOfGan)


def maker(pixels=64, latent=4):
    torch.manual_seed(4)
    return nn.Sequential(nn.Linear(latent, 8), nn.ReLU(), nn.Linear(8, pixels), nn.Sigmoid())


def population_of(task, n=12, seed=1):
    random.seed(seed)
    return [dn.initWeights(creator.Maker, task.genome(), sigma=0.3) for _ in range(n)]


@pytest.fixture
def make(images):
    def make(net=None, options=None, **keywords):
        return Generative(
            maker() if net is None else net,
            images,
            options or JudgeOptions(directions=8),
            **{"latent": 4, "batch_size": 16, **keywords},
        )

    return make


def scores(task, population, **keywords):
    return dn.PopulationMap(device="cpu", seed=3, **keywords)(task, population)


def test_scores_depend_neither_on_order_nor_on_chunks(make):
    task = make()
    population = population_of(task)
    found = scores(task, population)
    assert scores(make(), population[::-1]) == found[::-1]
    assert scores(make(), population, chunk=1) == found
    assert scores(make(), population, chunk=5) == found


def test_two_processes_give_the_scores_of_one(make):
    population = population_of(make())
    mapping = dn.PopulationMap(device="cpu", seed=3, engine="processes", workers=2)
    try:
        assert mapping(make(), population) == scores(make(), population)
    finally:
        mapping.close()


def test_everyone_in_a_generation_meets_the_same_latents_and_the_next_one_others(make):
    task, mapping = make(), dn.PopulationMap(device="cpu", seed=3)
    first, twin = mapping(task, [population_of(task, 1)[0], population_of(task, 1)[0]])
    assert first == twin
    with mapping.generation():  # scored again, in a generation of their own
        assert mapping(task, population_of(task, 1))[0] != first


def test_fitness_of_two_objectives_adds_up_to_that_of_one(make):
    population = population_of(make())
    one = scores(make(), population)
    creator.create("FitnessOfTwo", base.Fitness, weights=(1.0, 1.0))
    creator.create("TwoMaker", dn.WeightGenome, fitness=creator.FitnessOfTwo)
    random.seed(1)
    both = make(vector=True)
    assert both.weights == (1.0, 1.0)
    lot = [dn.initWeights(creator.TwoMaker, both.genome(), sigma=0.3) for _ in range(12)]
    for pair, (value,) in zip(scores(both, lot), one, strict=True):
        assert sum(pair) == pytest.approx(value, abs=1e-9)


def test_two_objectives_run_under_nsga2(make):
    if not hasattr(creator, "TwoMaker"):
        creator.create("FitnessOfTwo", base.Fitness, weights=(1.0, 1.0))
        creator.create("TwoMaker", dn.WeightGenome, fitness=creator.FitnessOfTwo)
    task = make(vector=True)
    toolbox = base.Toolbox()
    toolbox.register("mate", dn.cxUniform, indpb=0.5)
    toolbox.register("mutate", dn.mutGaussian, sigma=0.05, indpb=0.2)
    toolbox.register("select", tools.selNSGA2)
    toolbox.register("evaluate", task)
    toolbox.register("map", dn.PopulationMap(device="cpu"))
    lot = [dn.initWeights(creator.TwoMaker, task.genome(), sigma=0.3) for _ in range(8)]
    loop = dn.eaGenerational(lot, toolbox, 0.5, 1.0, ngen=2)
    assert all(len(one.fitness.values) == 2 for step in loop for one in step.population)


def test_a_state_makes_another_task_score_alike(make):
    task, population = make(), population_of(make(), 3)
    task.prepare(population, 0, Stream(9))
    other = make()
    other.load_state_dict(task.state_dict())
    assert [task(one) for one in population] == [other(one) for one in population]


def test_the_loss_of_a_baseline_is_minus_the_fitness_and_can_be_differentiated(make):
    task = make()
    individual = population_of(task, 1)[0]
    task.prepare([individual], 0, Stream(9))
    net = individual.module(task.genome())
    loss = task.loss_of(net, torch.device("cpu"))
    assert float(loss.detach()) == pytest.approx(-task(individual)[0], abs=1e-6)
    loss.backward()
    assert all(torch.isfinite(value.grad).all() for value in net.parameters())
    assert any(float(value.grad.abs().max()) > 0 for value in net.parameters())


def test_validation_follows_the_judges_classifier_and_measure_the_reports(make, images):
    task = make()
    individual = population_of(task, 1)[0]
    figures = task.validate(task.networks(individual))
    assert figures["fitness"].tolist() == [-figures["validation_frechet_distance"].item()]
    measured = task.measure(individual)
    floor = measured["frechet_distance_floor"]
    assert floor < measured["frechet_distance_one_class"]
    assert floor < measured["frechet_distance"]
    assert measured == task.measure(individual)


def test_a_picture_is_drawn_of_the_same_latents_every_time(make):
    task = make()
    individual = population_of(task, 1)[0]
    assert task.draw(individual).startswith(b"\x89PNG")
    assert task.draw(individual) == task.draw(individual)


def test_a_generator_that_returns_nan_is_told_by_its_name(make):
    task = make()
    broken = population_of(task, 3)
    weights = broken[1].weights
    weights[0] = torch.nan
    broken[1].weights = weights
    with pytest.raises(EvaluationError, match="returned NaN for individual"):
        scores(task, broken)


def test_a_broken_generator_is_not_the_one_that_is_saved(make):
    task = make()
    weights = population_of(task, 1)[0]
    weights.weights = torch.full_like(weights.weights, torch.nan)
    assert task.validate(task.networks(weights))["fitness"].isnan().all()


def test_a_constant_image_is_told_once(make):
    task = make()
    still = population_of(task, 1)[0]
    still.weights = torch.zeros_like(still.weights)
    with pytest.warns(UserWarning, match="make one image whatever the latents are.*spread=0.05"):
        task.validate(task.networks(still))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        task.validate(task.networks(still))


def test_a_generator_of_another_size_is_told_beside_the_images_size(make):
    task = make(maker(pixels=49))
    with pytest.raises(EvaluationError, match=r"shape \[49\].*\"bars\" has \[1, 8, 8\], 64 pixels"):
        scores(task, population_of(task, 2))


@pytest.mark.parametrize(
    ("keywords", "text"),
    [
        ({"latent": 0}, "latent is at least 1, got 0"),
        ({"batch_size": 1}, "batch_size is at least 2"),
        ({"diversity": -1.0}, "diversity is a weight of at least 0"),
    ],
)
def test_bad_options_are_refused(make, keywords, text):
    with pytest.raises(OptionError, match=text):
        make(**keywords)


def test_a_judge_that_does_not_exist_is_told_beside_those_that_do():
    with pytest.raises(OptionError, match=r'"featur".*Did you mean "feature"'):
        JudgeOptions("featur")
    with pytest.raises(OptionError, match="Each judge once"):
        JudgeOptions("feature+feature")
