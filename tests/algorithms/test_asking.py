import random

import pytest
import torch
from deap import algorithms, base, tools

import deapnets as dn
from deapnets.errors import EvaluationError, OptionError


@pytest.fixture
def toolbox_for(net, individual_class):
    """Return a function that makes a toolbox with a strategy, and the strategy."""

    def toolbox_for(batch_size=None):
        torch.manual_seed(2)
        inputs, targets = torch.randn(40, 3), torch.randint(2, (40,))
        evaluator = dn.Supervised(net, inputs, targets, batch_size=batch_size)
        strategy, toolbox = dn.OpenES(net, 0.1, 0.05, 10), base.Toolbox()
        toolbox.register("generate", strategy.generate, individual_class)
        toolbox.register("update", strategy.update)
        toolbox.register("evaluate", evaluator)
        toolbox.register("map", dn.PopulationMap(device="cpu", seed=3))
        return toolbox, strategy

    return toolbox_for


def test_it_does_what_deaps_own_loop_does(toolbox_for):
    random.seed(4)
    toolbox, ours = toolbox_for()
    population, logbook = dn.eaGenerateUpdate(toolbox, 5).run()
    random.seed(4)
    toolbox, theirs = toolbox_for()
    expected, book = algorithms.eaGenerateUpdate(toolbox, 5, verbose=False)
    assert torch.equal(ours.weights, theirs.weights)
    assert [one.fitness.values for one in population] == [one.fitness.values for one in expected]
    assert logbook.select("gen", "nevals") == book.select("gen", "nevals")


def test_every_generation_is_handed_over(toolbox_for):
    toolbox, strategy = toolbox_for()
    loop = dn.eaGenerateUpdate(toolbox)
    for number in range(3):
        generation = next(loop)
        assert (generation.number, generation.evaluations) == (number, 10)
        assert generation.population is loop.population
        assert strategy.generation == number + 1


def test_books_are_kept_as_deap_keeps_them(toolbox_for):
    toolbox, _ = toolbox_for()
    stats = tools.Statistics(lambda one: one.fitness.values[0])
    stats.register("best", max)
    hall = tools.HallOfFame(2)
    _, logbook = dn.eaGenerateUpdate(toolbox, 4, stats=stats, halloffame=hall).run()
    assert max(logbook.select("best")) == hall[0].fitness.values[0]


def test_a_mini_batch_a_generation_is_fair_without_a_warning(toolbox_for):
    toolbox, strategy = toolbox_for(batch_size=10)
    dn.eaGenerateUpdate(toolbox, 4).run()  # a warning would be an error
    assert strategy.generation == 4


def test_a_restored_loop_goes_on_as_if_nothing_had_happened(toolbox_for):
    random.seed(6)
    toolbox, whole = toolbox_for(batch_size=10)
    loop = dn.eaGenerateUpdate(toolbox, 6)
    for _ in range(3):
        next(loop)
    states = loop.state_dict(), whole.state_dict(), random.getstate()
    evaluator, mapping = toolbox.evaluate.func, toolbox.map.func
    more = evaluator.state_dict(), mapping.state_dict()
    loop.run()
    toolbox, other = toolbox_for(batch_size=10)
    second = dn.eaGenerateUpdate(toolbox, 6)
    second.load_state_dict(states[0])
    other.load_state_dict(states[1])
    random.setstate(states[2])
    toolbox.evaluate.func.load_state_dict(more[0])
    toolbox.map.func.load_state_dict(more[1])
    second.run()
    assert torch.equal(other.weights, whole.weights)
    assert second.logbook.select("gen") == [0, 1, 2, 3, 4, 5]


def test_a_map_that_loses_somebody_is_refused(toolbox_for):
    toolbox, _ = toolbox_for()
    toolbox.register("map", lambda function, individuals: [(0.0,)] * 3)
    with pytest.raises(EvaluationError, match="returned 3 results for 10 individuals"):
        next(dn.eaGenerateUpdate(toolbox))


def test_a_run_without_an_end_is_refused(toolbox_for):
    toolbox, _ = toolbox_for()
    with pytest.raises(OptionError, match=r"eaGenerateUpdate.run needs ngen"):
        dn.eaGenerateUpdate(toolbox).run()
