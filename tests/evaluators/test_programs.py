"""Programs are scored together; what cannot be scored is the worst, said and counted."""

import copy
import math
import random

import pytest
import torch
from deap import algorithms, base, creator, gp, tools

import deapnets as dn
from deapnets.errors import OptionError
from deapnets.evaluators.architectures import Outcome

X = torch.linspace(-1, 1, 1001, dtype=torch.float64)
TARGETS = X**2 + X


@pytest.fixture(scope="module")
def space():
    return dn.ProgramSpace(dn.primitive_set("line", ["x"], ("add", "mul", "div", "square", "exp")))


@pytest.fixture(scope="module")
def kind(space):
    fitness = type("FitnessMin", (base.Fitness,), {"weights": (-1.0,)})
    return creator.MetaCreator("One", dn.ProgramGenome, {"fitness": fitness, "space": space})


class Counting(dn.ProgramEvaluator):
    """Scores a program by its size, and remembers whom it was asked about."""

    def __init__(self, space):
        self._space, self.asked = space, []

    def space(self):
        return self._space

    def evaluate_programs(self, programs, fidelity, rngs):
        self.asked += map(str, programs)
        return [Outcome((float(len(program)),)) for program in programs]


def test_errors_are_those_of_each_formula(space, kind):
    texts = ["mul(x, add(x, 1.0))", "x", "0.0", "add(mul(x, x), x)"]
    population = [space.parse(text, kind) for text in texts]
    scores = dn.PopulationMap()(dn.Regression(space, X, TARGETS, block=100), population)
    expected = [0.0, float(((X - TARGETS) ** 2).mean()), float((TARGETS**2).mean()), 0.0]
    assert [score[0] for score in scores] == pytest.approx(expected, abs=1e-12)


def test_a_generation_has_the_scores_of_each_alone(space, kind):
    random.seed(1)
    population = [dn.initProgram(kind, space) for _ in range(50)]
    evaluator = dn.Regression(space, X, TARGETS)
    assert dn.PopulationMap()(evaluator, population) == [evaluator(one) for one in population]


def test_deaps_loop_finds_the_quartic(space, kind):
    random.seed(4)
    toolbox = base.Toolbox()
    toolbox.register("individual", dn.initProgram, kind, space)
    toolbox.register("evaluate", dn.Regression(space, X, TARGETS))
    toolbox.register("map", dn.PopulationMap())
    toolbox.register("select", tools.selTournament, tournsize=3)
    toolbox.register("mate", gp.cxOnePoint)
    toolbox.register("mutate", dn.mutProgram)
    population = tools.initRepeat(list, toolbox.individual, 100)
    algorithms.eaSimple(population, toolbox, 0.5, 0.5, 15, verbose=False)
    assert tools.selBest(population, 1)[0].fitness.values[0] < 1e-3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("square(square(square(square(square(exp(exp(square(exp(exp(4.0))))))))))", "not finite"),
        ("add(" * 250 + "x" + ", x)" * 250, "above the limits of line"),
    ],
)
def test_what_has_no_score_gets_the_worst_and_a_reason(space, kind, text, reason):
    mapping = dn.PopulationMap()
    population = [space.parse("x", kind), space.parse(text, kind)]
    (good,), (bad,) = mapping(dn.Regression(space, X.float(), TARGETS.float()), population)
    assert good < 1.0
    assert bad == 1e30
    assert reason in population[1].records["infeasible"]
    assert [reason in fault["reason"] for fault in mapping.faults] == [True]


def test_a_primitive_that_torch_cannot_run_is_the_worst_and_harms_no_other():
    def broken(values: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("no kernel for this device")

    pset = dn.primitive_set("mixed", ["x"])
    pset.addPrimitive(broken, 1)
    space = dn.ProgramSpace(pset)
    mapping = dn.PopulationMap()
    population = [space.parse("broken(x)"), space.parse("x")]
    (bad,), (good,) = mapping(dn.Regression(space, X, X), population)
    assert good == 0.0
    assert bad == 1e30
    assert '"broken" of mixed cannot be computed on cpu' in population[0].records["infeasible"]
    assert len(mapping.faults) == 1


def test_division_by_zero_and_constants_are_ordinary_programs(space, kind):
    population = [space.parse(text, kind) for text in ("div(x, 0.0)", "div(0.0, 0.0)", "2.0")]
    scores = dn.PopulationMap()(dn.Regression(space, X, TARGETS), population)
    assert all(math.isfinite(value) for (value,) in scores)
    assert scores[0] == scores[1]  # both are 1


def test_programs_that_compute_the_same_are_scored_once(space, kind):
    evaluator = Counting(space)
    texts = ["add(x, x)", "mul(x, 2.0)", "x", "add(x, x)"]
    population = [space.parse(text, kind) for text in texts]
    scores = dn.PopulationMap()(evaluator, population)
    assert evaluator.asked == ["add(x, x)", "x"]
    assert [score[0] for score in scores] == [3.0, 3.0, 1.0, 3.0]


def test_an_archive_answers_for_what_it_knows(space, kind, tmp_path):
    evaluator = Counting(space)
    archive = dn.ScoreArchive(tmp_path / "scores.sqlite")
    first, again = space.parse("add(x, x)", kind), space.parse("mul(2.0, x)", kind)
    assert dn.PopulationMap(archive=archive)(evaluator, [first]) == [(3.0,)]
    assert dn.PopulationMap(archive=archive)(evaluator, [again]) == [(3.0,)]
    assert evaluator.asked == ["add(x, x)"]
    assert archive.hits == 1


def test_a_programs_seed_follows_from_what_it_computes(space, kind):
    class Noisy(Counting):
        def evaluate_programs(self, programs, fidelity, rngs):
            return [Outcome((rng.gaussian(),)) for rng in rngs]

    def scores(*texts):
        population = [space.parse(text, kind) for text in texts]
        return dn.PopulationMap(seed=3)(Noisy(space), population)

    assert scores("x", "exp(x)")[1] == scores("exp(x)")[0]
    assert scores("x")[0] != scores("exp(x)")[0]


def test_shapes_that_do_not_belong_together_are_refused(space):
    with pytest.raises(OptionError, match=r"shape \[points, 1\] \(x\)"):
        dn.Regression(space, torch.ones(5, 2), torch.ones(5))
    with pytest.raises(OptionError, match=r"got \[5\] and \[4\]"):
        dn.Regression(space, torch.ones(5), torch.ones(4))
    with pytest.raises(OptionError, match="block is at least 1"):
        dn.Regression(space, X, TARGETS, block=0)


def test_aging_evolution_runs_on_programs(space, kind):
    random.seed(2)
    toolbox = base.Toolbox()
    toolbox.register("individual", dn.initProgram, kind, space)
    toolbox.register("mutate", dn.mutProgram)
    toolbox.register("evaluate", dn.Regression(space, X, TARGETS))
    population = tools.initRepeat(list, toolbox.individual, 20)
    search = dn.eaAging(population, toolbox, 5, evaluations=200)
    best = copy.deepcopy(search.run())
    assert best.fitness.values[0] < float((TARGETS**2).mean())


def test_errors_have_the_same_bits_with_any_number_of_threads(space, kind):
    random.seed(8)
    population = [dn.initProgram(kind, space) for _ in range(30)]
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            evaluator = dn.Regression(space, X, TARGETS, block=90)
            found.append(dn.PopulationMap()(evaluator, population))
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1]
