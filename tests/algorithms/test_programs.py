"""Genetic programming on the command line: selections, errors, and what may be saved."""

import random

import pytest

import deapnets as dn
from deapnets.algorithms.ga import individual_class
from deapnets.algorithms.programs import (
    GpSettings,
    _dominating,
    _front,
    _lexicase,
)
from deapnets.errors import EvaluationError, OptionError
from deapnets.evaluators.architectures import Outcome
from deapnets.evaluators.xor import Xor


class Target(dn.ProgramEvaluator):
    """Maximises how often the sine stands in a program, and counts programs."""

    def __init__(self):
        self._space = dn.ProgramSpace(dn.primitive_set("sines", ["x"], ["add", "sin"]))
        self.asked = 0

    def space(self):
        return self._space

    def evaluate_programs(self, programs, fidelity, rngs):
        self.asked += len(programs)
        return [
            Outcome((float(str(p).count("sin")),), 0.0, {"cases": [str(p).count("sin"), len(p)]})
            for p in programs
        ]


def begin(**settings):
    evaluator, mapping = Target(), dn.PopulationMap(seed=1)
    return evaluator, GpSettings(population=20, **settings).begin(evaluator, mapping)


@pytest.mark.parametrize("selection", ["tournament", "double", "nsga2"])
def test_programs_get_better(selection):
    random.seed(1)
    _, algorithm = begin(selection=selection)
    first = algorithm.step(0.0)
    start = max(one.fitness.values[0] for one in first.population)
    for _ in range(10):
        last = algorithm.step(0.5)
    assert max(one.fitness.values[0] for one in last.population) > start
    assert last.number == 10
    assert len(last.population) == 20


def test_what_computes_the_same_is_not_scored_again():
    random.seed(1)
    evaluator, algorithm = begin()
    keys = set()
    for _ in range(6):
        keys |= {one.key for one in algorithm.step(0.0).population}
    assert evaluator.asked <= len(keys) + 5 * 20  # children that did not survive had keys, too
    before = evaluator.asked
    mapping = dn.PopulationMap(seed=1, archive=dn.ScoreArchive(":memory:"))
    population = algorithm.step(0.0).population
    mapping(evaluator, population)
    again = evaluator.asked
    mapping(evaluator, population)
    assert before <= again == evaluator.asked


def test_the_best_survive_and_candidates_differ():
    random.seed(2)
    _, algorithm = begin(elites=3)
    best = max(one.fitness.values[0] for one in algorithm.step(0.0).population)
    assert max(one.fitness.values[0] for one in algorithm.step(0.0).population) >= best
    candidates = algorithm.candidates()
    assert next(iter(candidates)) == "champion"
    assert len({one.key for one in candidates.values()}) == len(candidates)
    figures = algorithm.figures()
    assert figures["nodes"] >= 1
    assert figures["distinct"] <= 20
    assert figures["infeasible"] == 0


def test_random_search_keeps_the_best_and_draws_the_rest_anew():
    random.seed(3)
    _, algorithm = begin(selection="random", elites=1)
    best = [max(one.fitness.values[0] for one in algorithm.step(0.0).population) for _ in range(8)]
    assert best == sorted(best)


def individuals(evaluator, **scores):
    kind = individual_class(evaluator, dn.ProgramGenome)
    made = []
    for text, score in scores.items():
        one = evaluator.space().parse(text.replace("_", "(").replace("9", ")"), kind)
        one.fitness.values = (score,)
        made.append(one)
    return made


def test_fronts_keep_the_small_and_the_good():
    evaluator = Target()
    lot = individuals(evaluator, x=0.0, sin_x9=1.0, sin_sin_x99=1.0, sin_sin_sin_x999=3.0)
    assert {str(one) for one in _front(lot, 3)} == {"x", "sin(x)", "sin(sin(sin(x)))"}
    random.seed(1)
    assert len(_dominating(lot, 7, 2)) == 7


def test_lexicase_selects_by_the_scores_of_each_task():
    evaluator = Target()
    lot = individuals(evaluator, x=0.0, sin_x9=0.0, sin_sin_x99=0.0)
    for one, cases in zip(lot, ([1.0, 0.0], [0.0, 1.0], [0.0, 0.0]), strict=True):
        one.records = {"cases": cases}
    random.seed(1)
    assert {str(one) for one in _lexicase(lot, 50, 0)} == {"x", "sin(x)"}
    lot[0].records = lot[1].records = lot[2].records = {}
    with pytest.raises(EvaluationError, match=r'lexicase needs records\["cases"\]'):
        _lexicase(lot, 1, 0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"population": 3}, "population is at least 4"),
        ({"selection": "lexicasee"}, 'Did you mean "lexicase"'),
        ({"tournsize": 0}, "tournsize is at least 1"),
        ({"elites": 100}, "from 0 to 99 of the population of 100"),
        ({"cxpb": 1.5}, "cxpb"),
        ({"policy": "never"}, "policy of an archive"),
        ({"selection": "lexicase", "archive": "a.sqlite"}, r"leave out archive="),
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings, message):
    with pytest.raises(OptionError, match=message):
        GpSettings(**settings)


def test_an_evaluator_of_weights_is_refused():
    with pytest.raises(OptionError, match="has no programs"):
        GpSettings().begin(Xor(), dn.PopulationMap())


def test_the_first_population_is_the_best_of_more_that_are_drawn():
    random.seed(1)
    evaluator, algorithm = begin(initial=200)
    first = algorithm.step(0.0).population
    random.seed(1)
    drawn = [dn.initProgram(type(first[0]), evaluator.space()) for _ in range(200)]
    best = sorted((str(one).count("sin") for one in drawn), reverse=True)[0]
    assert max(one.fitness.values[0] for one in first) == best
    assert len({one.key for one in first}) == len(first) == 20
    assert len(algorithm.step(0.0).population) == 20


def test_immigrants_take_the_places_of_the_worst_before_parents_are_selected():
    random.seed(1)
    evaluator, algorithm = begin(immigrants=0.5, mutpb=0.0, cxpb=0.0, elites=0)
    seen = {str(one) for one in algorithm.step(0.0).population}
    later = {str(one) for _ in range(5) for one in algorithm.step(0.0).population}
    assert later - seen  # nothing mates or mutates: what is new came from outside
    assert evaluator.asked > 20


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"initial": 50}, "initial is 0, or at least the population of 100; got 50"),
        ({"immigrants": 1.0}, r"in \[0, 1\), got 1.0"),
    ],
)
def test_first_programs_and_immigrants_that_cannot_be_are_refused(settings, message):
    with pytest.raises(OptionError, match=message):
        GpSettings(**settings)
