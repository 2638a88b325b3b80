"""Searches: what each one does, the same on any number of workers, budgets, states, scores."""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import pytest
from deap import base, creator, tools

import deapnets as dn
from deapnets.algorithms.halving import Halving
from deapnets.algorithms.search import Search
from deapnets.errors import ArchitectureError, OptionError, WorkerLostError
from deapnets.evaluators.architectures import ArchitectureEvaluator, Outcome
from deapnets.evaluators.archive import ScoreArchive
from deapnets.evaluators.bitstring import BitSpace, BitString

BITS = 12


class Ones(ArchitectureEvaluator):
    """Share of ones, with noise that is smaller at the full fidelity; a row of zeros fails."""

    fidelities = (1.0, 10.0)

    def __init__(self, noise=0.0, bits=BITS):
        self._space, self._noise = BitSpace(bits), noise

    def space(self):
        return self._space

    def evaluate_one(self, individual, fidelity, rng):
        if not any(individual.genes):
            raise ArchitectureError("a row of zeros")
        share = sum(individual.genes) / len(individual)
        noise = self._noise * rng.gaussian() / fidelity
        return Outcome((share + noise,), fidelity, {"seed": rng.seed})


@pytest.fixture(scope="module")
def bit_class() -> type:
    creator.create("FitnessOfSearches", base.Fitness, weights=(1.0,))
    creator.create("BitsOfSearches", dn.ChoiceGenome, fitness=creator.FitnessOfSearches)
    return creator.BitsOfSearches


@pytest.fixture
def make_toolbox(bit_class):
    def make_toolbox(evaluator):
        toolbox = base.Toolbox()
        toolbox.register("individual", dn.initChoices, bit_class, evaluator.space())
        toolbox.register("population", tools.initRepeat, list, toolbox.individual)
        toolbox.register("mutate", dn.mutChoice)
        toolbox.register("evaluate", evaluator)
        return toolbox

    return make_toolbox


def make_search(name, toolbox, **options):
    """Return a search by its name, with a population of ten where it has one."""
    kind = getattr(dn, name)
    if name in ("eaRandom", "eaLocal", "eaReinforce"):
        return kind(toolbox, **options)
    return kind(toolbox.population(n=10), toolbox, **options)


NAMES = ["eaAging", "eaNonAging", "eaPairs", "eaRandom", "eaLocal", "eaReinforce"]


def trace(search):
    """Return what a search did: each row that was evaluated, and its fitness."""
    return [(str(one.individual), one.outcome.values) for one in search]


@pytest.mark.parametrize("name", NAMES)
def test_one_seed_gives_one_search_and_another_seed_another(name, make_toolbox):
    toolbox = make_toolbox(Ones(noise=0.1))
    traces = []
    for seed in (1, 1, 2):
        random.seed(seed)
        traces.append(trace(make_search(name, toolbox, evaluations=60)))
    assert traces[0] == traces[1] != traces[2]
    assert len(traces[0]) == 60


@pytest.mark.parametrize("name", ["eaAging", "eaNonAging", "eaPairs", "eaLocal", "eaReinforce"])
def test_what_is_searched_beats_what_is_drawn(name, make_toolbox):
    toolbox = make_toolbox(Ones(bits=30))
    random.seed(1)
    drawn = make_search("eaRandom", toolbox, evaluations=400).run()
    found = make_search(name, toolbox, evaluations=400).run()
    assert found.fitness.values[0] > drawn.fitness.values[0]


class Shuffled(Executor):
    """An executor of several threads whose calls end in another order than they began."""

    def __init__(self, workers):
        self._pool = ThreadPoolExecutor(workers)
        self._count, self._lock = 0, threading.Lock()

    def submit(self, call, /, *arguments, **keywords) -> Future:
        with self._lock:
            self._count += 1
            pause = 0.002 * (self._count % 3)
        return self._pool.submit(lambda: (time.sleep(pause), call(*arguments, **keywords))[1])

    def shutdown(self, wait=True, *, cancel_futures=False):
        self._pool.shutdown(wait, cancel_futures=cancel_futures)


@pytest.mark.parametrize("name", NAMES)
def test_a_search_is_the_same_on_any_number_of_workers(name, make_toolbox):
    toolbox = make_toolbox(Ones(noise=0.1))
    random.seed(5)
    alone = trace(make_search(name, toolbox, evaluations=50, window=6, rescore=8))
    for workers in (1, 4):
        with Shuffled(workers) as executor:
            random.seed(5)
            search = make_search(
                name, toolbox, evaluations=50, window=6, rescore=8, executor=executor
            )
            assert trace(search) == alone


def test_individuals_travel_to_other_processes(make_toolbox):
    toolbox = make_toolbox(BitString(bits=BITS, noise=0.1))
    random.seed(5)
    alone = trace(make_search("eaAging", toolbox, evaluations=30, window=4))
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        random.seed(5)
        search = make_search("eaAging", toolbox, evaluations=30, window=4, executor=executor)
        assert trace(search) == alone


def distance(first, second):
    return sum(a != b for a, b in zip(first, second, strict=True))


def test_aging_keeps_the_youngest(make_toolbox):
    search = make_search("eaAging", make_toolbox(Ones()), evaluations=40)
    seen = [one.individual for one in search]
    assert all(a is b for a, b in zip(search.population, seen[-10:], strict=True))


def test_nonaging_never_loses_its_best(make_toolbox):
    search = make_search("eaNonAging", make_toolbox(Ones(noise=0.2)), evaluations=80)
    best = 0.0
    for one in search:
        best = max(best, one.outcome.values[0])
        if one.number > 10:
            assert max(i.fitness.values[0] for i in search.population) == best


def test_pairs_keep_their_number_and_children_differ_in_one_bit(make_toolbox):
    search = make_search("eaPairs", make_toolbox(Ones()), evaluations=60)
    for one in search:
        before = {i.genes for i in one.population if i is not one.individual}
        if one.number > 10:
            assert len(one.population) == 10
            assert 1 in {distance(genes, one.individual.genes) for genes in before}


def test_local_search_goes_uphill_and_evaluates_no_network_twice(make_toolbox):
    search = make_search("eaLocal", make_toolbox(Ones()), evaluations=70, starts=3)
    texts = [text for text, _ in trace(search)]
    assert "1" * BITS in texts
    top = texts.index("1" * BITS)
    assert len(set(texts[3 : top + 1])) == len(texts[3 : top + 1])


def test_reinforce_makes_ones_likelier(make_toolbox):
    random.seed(2)
    search = make_search("eaReinforce", make_toolbox(Ones()), evaluations=300)
    assert search.probabilities()[:, 1].tolist() == [0.5] * BITS
    search.run()
    assert search.probabilities()[:, 1].mean() > 0.8


def test_leaders_are_scored_again_and_their_mean_decides(make_toolbox):
    random.seed(3)
    search = make_search(
        "eaRandom", make_toolbox(Ones(noise=3.0)), evaluations=60, rescore=20, leaders=4
    )
    search.run()
    entries = search.ledger.ranked()
    assert sum(len(entry.scores) for entry in entries) == 60
    again = [entry for entry in entries if len(entry.scores) > 1]
    assert 4 <= len(again) <= 12
    best = search.ledger.best()
    assert best.worth == max(entry.worth for entry in entries)
    assert search.best() is best.individual


def test_leaders_keep_their_first_fitness_in_the_population(make_toolbox):
    search = make_search("eaAging", make_toolbox(Ones(noise=3.0)), evaluations=40, rescore=20)
    first = {}
    for one in search:
        if one.number <= 20:
            first[id(one.individual)] = one.outcome.values
    assert all(first[id(i)] == i.fitness.values for i in search.population)


def test_halving_promotes_the_best_third_and_spends_less(make_toolbox):
    random.seed(1)
    evaluator = Ones(noise=0.5)
    halving = Halving(evaluator.fidelities, eta=3.0)
    search = make_search("eaAging", make_toolbox(evaluator), evaluations=200, halving=halving)
    levels = [one.individual.level for one in search]
    low, high = len(halving.seen[0]), len(halving.seen[1])
    assert (low + high, search.ledger.seconds) == (200, low + 10 * high)
    assert 0.15 < high / low < 0.55
    assert set(levels) == {0, 1}
    assert all(len(entry.scores) for entry in search.ledger.entries.values())


def test_whoever_came_further_wins_whatever_its_fitness(make_toolbox):
    toolbox = make_toolbox(Ones())
    search = make_search("eaAging", toolbox, evaluations=40, tournsize=200)
    far, near = toolbox.individual(), toolbox.individual()
    far.level, near.level = 1, 0
    far.fitness.values, near.fitness.values = (0.1,), (0.9,)
    search.population = [near, far]
    assert search.choose() is far


def test_a_budget_of_seconds_ends_a_search(make_toolbox):
    search = make_search("eaRandom", make_toolbox(Ones()), seconds=95.0)
    assert len(trace(search)) == 10
    assert search.ledger.seconds == 100.0


def test_what_cannot_be_trained_is_counted_with_its_reason(make_toolbox, bit_class):
    toolbox = make_toolbox(Ones())
    zeros = bit_class(BitSpace(BITS), (0,) * BITS)
    search = dn.eaAging([zeros, toolbox.individual()], toolbox, 2, evaluations=4)
    first = next(search)
    assert first.outcome.records == {"infeasible": "a row of zeros"}
    assert first.individual.fitness.values == (0.0,)
    search.run()
    assert search.ledger.infeasible["a row of zeros"] >= 1
    assert search.ledger.figures()["infeasible"] >= 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("window", [1, 4])
def test_a_state_goes_on_as_if_nothing_had_happened(name, window, make_toolbox):
    evaluator = Ones(noise=0.2)
    toolbox = make_toolbox(evaluator)

    def begin():
        random.seed(7)
        halving = Halving(evaluator.fidelities)
        return make_search(
            name, toolbox, evaluations=70, window=window, rescore=10, halving=halving
        )

    whole = trace(begin())
    for stop in (4, 33, 65):
        first = begin()
        before = [next(first) for _ in range(stop)]
        state, drawn = json.loads(json.dumps(first.state_dict())), random.getstate()
        second = begin()
        second.load_state_dict(state)
        random.setstate(drawn)
        assert len(before) + len(rest := trace(second)) == 70
        assert rest == whole[stop:]
        assert second.ledger.figures()["proposals"] <= 60


def test_networks_of_an_archive_are_not_evaluated_again(make_toolbox, tmp_path):
    toolbox = make_toolbox(Ones(noise=0.5, bits=3))
    archive = ScoreArchive(tmp_path / "scores.sqlite", "2")
    random.seed(1)
    search = make_search("eaAging", toolbox, evaluations=80, archive=archive)
    search.run()
    figures = search.ledger.figures()
    assert figures["proposals"] == 80
    assert figures["archive_hits"] == archive.hits > 50
    assert figures["distinct"] <= 8
    assert all(len(archive.scores(key, 10.0)) <= 2 for key in search.ledger.keys)
    failed = figures["infeasible"]  # which costs nothing here
    assert figures["evaluation_seconds"] == 10.0 * (80 - archive.hits - failed)


def test_any_function_of_an_individual_will_do(make_toolbox):
    toolbox = make_toolbox(Ones())
    toolbox.register("evaluate", lambda individual: (individual.genes.count(1),))
    assert make_search("eaLocal", toolbox, evaluations=60).run().fitness.values == (12,)


def test_deaps_own_loop_takes_the_evaluator_also_under_a_population_map(make_toolbox):
    from deap import algorithms

    toolbox = make_toolbox(Ones())
    toolbox.register("mate", dn.cxChoices)
    toolbox.register("select", tools.selTournament, tournsize=3)
    toolbox.register("map", dn.PopulationMap())
    population, _ = algorithms.eaSimple(
        toolbox.population(n=20), toolbox, 0.5, 0.5, 10, None, None, False
    )
    assert tools.selBest(population, 1)[0].fitness.values[0] > 0.9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"evaluations": 10}, "not above the population of 10: this never evolves"),
        ({"evaluations": 20, "rescore": 10}, "10 evaluations .* not above the population of 10"),
        ({"evaluations": 20, "rescore": 20}, "rescore is a part .* less than 20; got 20"),
        ({"window": 0}, "window is at least 1, got 0"),
        ({"leaders": 0}, "leaders is at least 1, got 0"),
        ({"tournsize": 0}, "tournsize is at least 1, got 0"),
    ],
)
def test_a_search_that_cannot_be_is_refused(options, message, make_toolbox):
    with pytest.raises(OptionError, match=message):
        make_search("eaAging", make_toolbox(Ones()), **options)


def test_a_run_without_a_budget_is_refused(make_toolbox):
    with pytest.raises(OptionError, match=r"eaRandom.run needs evaluations or seconds"):
        make_search("eaRandom", make_toolbox(Ones())).run()


@pytest.mark.parametrize(
    ("fidelities", "eta", "message"),
    [
        ((), 3.0, "fidelities rise, and there is one; got"),
        ((2.0, 1.0), 3.0, "fidelities rise"),
        ((1.0, 2.0), 1.0, "eta is above 1, got 1.0"),
    ],
)
def test_a_ladder_that_cannot_be_is_refused(fidelities, eta, message):
    with pytest.raises(OptionError, match=message):
        Halving(fidelities, eta)


def test_a_search_of_ones_own_is_two_methods(make_toolbox):
    class Ascending(Search):
        """Counts."""

        def propose(self):
            individual = self.toolbox.individual()
            number = self.ledger.proposals + 1
            individual.genes = tuple(int(bit) for bit in f"{number:0{BITS}b}")
            return individual

        def receive(self, individual):
            self.population.append(individual)

    search = Ascending(make_toolbox(Ones()), evaluations=8, window=3)
    assert search.run().genes.count(1) == 3


class Heirs(ArchitectureEvaluator):
    """Bit strings whose children inherit a number, which decides their fitness, too."""

    def __init__(self):
        self._space, self._left = BitSpace(BITS), {}

    def space(self):
        return self._space

    def legacy(self, key):
        return self._left.get(key)

    def admit(self, key, legacy):
        self._left[key] = legacy

    def __getstate__(self):
        return {**vars(self), "_left": {}}

    def evaluate_one(self, individual, fidelity, rng):
        before = self._left.get(getattr(individual, "parent", None), 0.0)
        worth = str(individual).count("1") / BITS + 0.01 * rng.gaussian() + 0.1 * before
        self._left[individual.key] = worth
        return Outcome((worth,), 1.0, {"before": before})


def inheriting(toolbox):
    """Have mutants name their parents, as graphs do."""

    def mutate(individual):
        individual.parent = individual.key
        return dn.mutChoice(individual)

    toolbox.register("mutate", mutate)
    return toolbox


@pytest.mark.parametrize("window", [1, 6])
def test_what_is_inherited_is_the_same_on_any_number_of_workers(make_toolbox, window):
    traces = []
    for workers in (0, 1, 4):
        random.seed(5)
        toolbox = inheriting(make_toolbox(Heirs()))
        with Shuffled(workers or 1) as executor:
            how = {"evaluations": 60, "window": window, "executor": executor if workers else None}
            search = make_search("eaAging", toolbox, **how)
            traces.append(trace(search))
        assert any(one.records["before"] for one in search.population)
    assert traces[0] == traces[1] == traces[2]


def test_what_is_inherited_is_taken_up_with_the_state(make_toolbox):
    random.seed(5)
    whole = make_search("eaAging", inheriting(make_toolbox(Heirs())), evaluations=60, window=6)
    ahead = trace(itertools.islice(whole, 30))
    state, random_state = whole.state_dict(), random.getstate()
    left = dict(whole.toolbox.evaluate.func._left)
    rest = trace(whole)
    other = inheriting(make_toolbox(Heirs()))
    other.evaluate.func._left.update(left)
    again = make_search("eaAging", other, evaluations=60, window=6)
    again.load_state_dict(json.loads(json.dumps(state)))
    random.setstate(random_state)
    assert trace(again) == rest
    assert len(ahead) + len(rest) == 60


def test_who_costs_three_workers_is_infeasible_and_the_search_goes_on(make_toolbox):
    class Broken(Executor):
        calls = 0

        def submit(self, call, /, *arguments, **keywords):
            future = Future()
            Broken.calls += 1
            if Broken.calls == 5:
                future.set_exception(WorkerLostError("3 workers were lost with it: was killed"))
            else:
                future.set_result(call(*arguments, **keywords))
            return future

    toolbox = make_toolbox(BitString(bits=BITS))
    search = make_search("eaAging", toolbox, evaluations=30, window=3, executor=Broken())
    search.run()
    assert search.number == 30
    assert search.ledger.infeasible == {"3 workers were lost with it: was killed": 1}
