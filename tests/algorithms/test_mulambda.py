"""DEAP's (mu + lambda) and (mu, lambda) as iterators: the same results, and fair scores."""

import random

import pytest
from deap import algorithms, tools

import deapnets as dn
from deapnets.errors import EvaluationError, OptionError

KINDS = {
    "plus": (dn.eaMuPlusLambda, algorithms.eaMuPlusLambda),
    "comma": (dn.eaMuCommaLambda, algorithms.eaMuCommaLambda),
}


def state_of(population):
    return [(one.digest, one.fitness.values) for one in population]


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_deaps_own_loop(toolbox_of, kind):
    runs = []
    for loop in KINDS[kind]:
        random.seed(7)
        toolbox = toolbox_of(dn.PopulationMap(seed=1))
        hall = tools.HallOfFame(3)
        found = loop(
            toolbox.population(n=9), toolbox, 6, 14, 0.4, 0.5, 5, halloffame=hall, verbose=False
        )
        population, log = (
            found.run() if isinstance(found, dn.eaMuPlusLambda | dn.eaMuCommaLambda) else found
        )
        runs.append((state_of(population), list(log), state_of(hall)))
    assert runs[0][0] == runs[1][0]
    assert runs[0][1] == runs[1][1]


@pytest.mark.parametrize(("kind", "count"), [("plus", 6 + 14), ("comma", 14)])
def test_where_scores_are_fresh_all_who_are_selected_met_one_mini_batch(
    toolbox_of, kind, count, net, data
):
    toolbox = toolbox_of(batch_size=4)
    for generation in KINDS[kind][0](toolbox.population(n=6), toolbox, 6, 14, 0.4, 0.5, 4):
        assert generation.evaluations == (count if generation.number else 6)
        again = [toolbox.evaluate(one) for one in generation.population]
        assert [one.fitness.values for one in generation.population] == again


def test_with_plus_the_best_stays_and_with_comma_it_goes(toolbox):
    def moves(individual):
        return dn.mutGaussian(individual, sigma=30.0, indpb=1.0)  # the worse for it, nearly always

    toolbox.register("mutate", moves)
    toolbox.register("select", tools.selBest)
    ends = {}
    for kind, (loop, _) in KINDS.items():
        population = toolbox.population(n=5)
        generations = list(loop(population, toolbox, 5, 5, 0.0, 1.0, 3))
        first, last = (
            {one.digest for one in g.population} for g in (generations[0], generations[-1])
        )
        ends[kind] = bool(first & last)
        bests = [max(one.fitness.values for one in g.population) for g in generations]
        assert (bests == sorted(bests)) == (kind == "plus")
    assert ends == {"plus": True, "comma": False}


@pytest.mark.parametrize("kind", KINDS)
def test_a_generation_that_was_handed_over_does_not_change(toolbox_of, kind):
    toolbox = toolbox_of(batch_size=4)
    loop = KINDS[kind][0](toolbox.population(n=5), toolbox, 5, 8, 0.5, 0.5, 3)
    seen = [(each.population, state_of(each.population)) for each in loop]
    assert [state_of(population) for population, _ in seen] == [before for _, before in seen]


@pytest.mark.parametrize("kind", KINDS)
def test_a_generation_that_cannot_be_scored_leaves_the_last_one(toolbox_of, kind):
    toolbox = toolbox_of(batch_size=4)
    loop = KINDS[kind][0](toolbox.population(n=5), toolbox, 5, 8, 0.5, 0.5)
    next(loop)
    before = state_of(loop.population)
    toolbox.register("map", lambda function, individuals: [])
    with pytest.raises(EvaluationError, match=r"toolbox\.map returned 0 results for"):
        next(loop)
    assert state_of(loop.population) == before
    assert loop.number == 0


@pytest.mark.parametrize("kind", KINDS)
def test_stopping_and_going_on_changes_nothing(toolbox_of, kind):
    def run(stops):
        random.seed(5)
        toolbox = toolbox_of(dn.PopulationMap(seed=1), batch_size=7)
        loop = KINDS[kind][0](toolbox.population(n=5), toolbox, 5, 8, 0.5, 0.5, 5)
        if stops:
            for generation in loop:
                if generation.number == 2:
                    break
            state = loop.state_dict()
            loop = KINDS[kind][0](toolbox.population(n=5), toolbox, 5, 8, 0.5, 0.5, 5)
            after = random.Random(9).getstate()
            random.setstate(after)
            loop.load_state_dict(state)
        else:
            for generation in loop:
                if generation.number == 2:
                    random.setstate(random.Random(9).getstate())
                    break
        return state_of(loop.run()[0])

    assert run(stops=True) == run(stops=False)


def test_another_variation_breeds_the_children(toolbox):
    asked = []

    def copies(population, toolbox, lambda_, cxpb, mutpb):
        asked.append((len(population), lambda_, cxpb, mutpb))
        children = [toolbox.clone(population[0]) for _ in range(lambda_)]
        for child in children:
            del child.fitness.values
        return children

    loop = dn.eaMuCommaLambda(toolbox.population(n=4), toolbox, 2, 3, 1.0, 1.0, 2, variation=copies)
    population, _ = loop.run()
    assert asked == [(4, 3, 1.0, 1.0), (2, 3, 1.0, 1.0)]
    assert len({one.digest for one in population}) == 1


@pytest.mark.parametrize(
    ("kind", "numbers", "said"),
    [
        ("plus", (0, 5, 0.5, 0.5), "mu is at least 1, got 0"),
        ("plus", (5, 0, 0.5, 0.5), "lambda_ is at least 1, got 0"),
        ("comma", (5, 4, 0.5, 0.5), "lambda_ is at least mu, .* got 4 and 5"),
        ("plus", (5, 5, 0.8, 0.5), r"at most 1 together, got 0\.8 and 0\.5"),
        ("comma", (5, 5, 1.5, 0.5), r"cxpb is a probability in \[0, 1\]"),
    ],
)
def test_numbers_that_leave_nobody_to_select_are_refused(toolbox, kind, numbers, said):
    with pytest.raises(OptionError, match=said):
        KINDS[kind][0](toolbox.population(n=5), toolbox, *numbers)


def test_without_ngen_it_cannot_be_run_to_its_end(toolbox):
    with pytest.raises(OptionError, match=r"eaMuPlusLambda\.run needs ngen"):
        dn.eaMuPlusLambda(toolbox.population(n=3), toolbox, 3, 3, 0.5, 0.5).run()
