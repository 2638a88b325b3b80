import copy
import functools
import random
import re
from weakref import WeakSet

import pytest
import torch
from deap import algorithms, base, creator, tools
from torch import nn

import deapnets as dn
from deapnets.errors import EvaluationError, LayoutError, MemoryBudgetError, OptionError
from deapnets.evaluators.calling import find_evaluator
from deapnets.genomes.layout import Layout

CPU = torch.device("cpu")
MINIMISED = (-1.0,)


class Noted(dn.Evaluator):
    """An evaluator that notes its calls: fitness is minus the mean square of the weights."""

    def __init__(self, net, score=None):
        self.net = net
        self.score = score or (lambda networks: -networks.weights().square().mean(1))
        self.prepared, self.concluded, self.lots = [], [], []

    def genome(self):
        return self.net

    def prepare(self, population, generation, rng):
        self.prepared.append((list(population), generation, rng.integer()))

    def evaluate(self, networks, **keywords):
        self.lots.append(len(networks))
        return self.score(networks, **keywords)

    def conclude(self, population, scores):
        self.concluded.append((list(population), list(scores)))


class Fresh(Noted):
    fresh = True


class Minimised(Noted):
    weights = MINIMISED


class TwoObjectives(Noted):
    weights = (1.0, -1.0)


@pytest.fixture
def task(net):
    """Return a supervised task of the net of 26 weights."""
    return dn.Supervised(net, torch.randn(50, 3), torch.randint(0, 2, (50,)))


@pytest.fixture
def population_of(individual_class, net):
    """Return a function that makes individuals of the net, a few generations deep, all recipes."""

    def population_of(count=10, kind=individual_class, module=net, generations=2):
        population = [dn.initWeights(kind, module, sigma=0.3) for _ in range(count)]
        for _ in range(generations):
            population = [copy.deepcopy(one) for one in random.choices(population, k=count)]
            for first, second in zip(population[::2], population[1::2], strict=False):
                dn.cxUniform(first, second, indpb=0.5)
            for one in population:
                dn.mutGaussian(one, sigma=0.1, indpb=0.2)
        return population

    return population_of


def scores_by_loop(evaluator, population):
    """Return what DEAP's view of one individual gives, without touching the population."""
    return [evaluator(one) for one in copy.deepcopy(population)]


@functools.cache
def individual_type(name, weights=(1.0,)):
    creator.create(f"{name}Fitness", base.Fitness, weights=weights)
    creator.create(name, dn.WeightGenome, fitness=getattr(creator, f"{name}Fitness"))
    return getattr(creator, name)


def ready_toolbox(kind, evaluator, mapping, **keywords):
    toolbox = base.Toolbox()
    toolbox.register("individual", dn.initWeights, kind, evaluator.genome(), sigma=0.3)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("mate", dn.cxUniform, indpb=0.5)
    toolbox.register("mutate", dn.mutGaussian, sigma=0.1, indpb=0.2)
    toolbox.register("select", tools.selTournament, tournsize=3)
    toolbox.register("evaluate", evaluator, **keywords)
    toolbox.register("map", mapping)
    return toolbox


# The answer


def test_a_batch_equals_a_loop_over_individuals(task, population_of):
    population = population_of()
    looped = scores_by_loop(task, population)
    batched = dn.PopulationMap()(task, population)
    assert batched == [(pytest.approx(score, rel=1e-5),) for (score,) in looped]
    assert all(isinstance(score, tuple) and type(score[0]) is float for score in batched)


def test_a_score_belongs_to_its_individual_whatever_the_order(task, population_of):
    population = population_of()
    scores = dict(zip(map(id, population), dn.PopulationMap()(task, population), strict=True))
    shuffled = random.sample(population, len(population))
    again = dn.PopulationMap()(task, shuffled)
    assert again == [scores[id(one)] for one in shuffled]


@functools.cache
def evolved(threads=1, **options):
    """Return fitness and weights of a population after four generations of DEAP's own loop."""
    random.seed(3)
    generator = torch.Generator().manual_seed(3)
    inputs = torch.randn(300, 30, generator=generator)
    net = nn.Sequential(nn.Linear(30, 25), nn.Tanh(), nn.Linear(25, 2))
    nn.utils.vector_to_parameters(torch.randn(827, generator=generator) / 5, net.parameters())
    evaluator = dn.Supervised(net, inputs, (inputs[:, 0] * inputs[:, 1] > 0).long())
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        kind = individual_type("Evolved")
        toolbox = ready_toolbox(kind, evaluator, dn.PopulationMap(**options))
        population, _ = algorithms.eaSimple(
            toolbox.population(n=10), toolbox, 0.5, 0.9, 4, verbose=False
        )
    finally:
        torch.set_num_threads(before)
    return [(one.fitness.values, one.weights.tolist()) for one in population]


@pytest.mark.parametrize("chunk", [1, 3, 10, 50])
@pytest.mark.parametrize("memory", [10_000, 40_000, "10MB"])
def test_a_run_depends_neither_on_chunk_nor_on_memory(chunk, memory):
    assert evolved(chunk=chunk, memory=memory) == evolved()


@pytest.mark.parametrize("chunk", [1, 3, None])
def test_a_run_does_not_depend_on_threads(chunk):
    assert evolved(threads=2, chunk=chunk) == evolved()


def test_a_chunk_never_holds_more_networks_than_asked_for(net, population_of):
    evaluator = Noted(net)
    dn.PopulationMap(chunk=4)(evaluator, population_of(10))
    assert evaluator.lots == [4, 4, 2]


def test_individuals_that_share_a_node_score_alike(task, population_of):
    population = population_of(4)
    twins = [*population, *copy.deepcopy(population)]
    scores = dn.PopulationMap(chunk=3)(task, twins)
    assert scores[:4] == scores[4:]


def test_a_generator_is_a_population_too(task, population_of):
    population = population_of(3)
    expected = dn.PopulationMap()(task, population)
    assert dn.PopulationMap()(task, (one for one in population)) == expected


def test_evaluations_and_seconds_add_up(net, population_of):
    mapping = dn.PopulationMap()
    for count in (3, 5):
        mapping(Noted(net), population_of(count))
    assert mapping.evaluations == 8
    assert min(mapping.seconds.values()) > 0


# A plain map


@pytest.mark.parametrize(
    ("function", "iterables"),
    [
        (abs, [[-1, 2, -3]]),
        (pow, [[2, 3, 4], [1, 2, 3]]),
        (pow, [[2, 3, 4], [1, 2]]),
        (functools.partial(pow, 2), [range(4)]),
        (functools.partial(pow, exp=2), [range(4)]),
        (str.upper, ["abc"]),
        (len, [[]]),
    ],
)
def test_any_other_function_is_mapped_in_order(function, iterables):
    assert dn.PopulationMap()(function, *iterables) == list(map(function, *iterables))


def test_an_evaluator_with_two_iterables_is_called_one_by_one_and_silently(net, population_of):
    class Paired(Noted):
        def __call__(self, first, second):
            return (first is second,)

    population = population_of(3)
    assert dn.PopulationMap()(Paired(net), population, population) == [(True,)] * 3


def test_nobody_is_no_generation(net):
    mapping, evaluator = dn.PopulationMap(), Noted(net)
    assert mapping(evaluator, []) == []
    assert (mapping.number, evaluator.prepared, evaluator.concluded) == (-1, [], [])


def test_keywords_of_the_registration_reach_evaluate(net, population_of):
    evaluator = Noted(net, lambda networks, scale: torch.full((len(networks),), scale))
    toolbox = base.Toolbox()
    toolbox.register("evaluate", evaluator, scale=2.0)
    toolbox.register("map", dn.PopulationMap())
    assert toolbox.map(toolbox.evaluate, population_of(2)) == [(2.0,)] * 2
    assert toolbox.map(functools.partial(toolbox.evaluate, scale=3.0), population_of(1)) == [(3.0,)]


def test_only_what_calls_the_evaluator_and_nothing_else_is_one(net):
    evaluator = Noted(net)
    inner = functools.partial(evaluator, a=1, b=1)
    assert find_evaluator(functools.partial(inner, b=2)) == (evaluator, {"a": 1, "b": 2})
    assert find_evaluator(evaluator) == (evaluator, {})
    assert find_evaluator(evaluator.evaluate) == (None, {})
    assert find_evaluator(functools.partial(evaluator, "positional")) == (None, {})
    assert find_evaluator(len) == (None, {})


# A generation


def test_a_call_is_a_generation(net, population_of):
    mapping, evaluator = dn.PopulationMap(), Noted(net)
    first, second = population_of(3), population_of(2)
    scores = [mapping(evaluator, first), mapping(evaluator, second)]
    assert [(lot, number) for lot, number, _ in evaluator.prepared] == [(first, 0), (second, 1)]
    assert evaluator.concluded == [(first, scores[0]), (second, scores[1])]
    assert mapping.number == 1


def test_several_calls_are_one_generation_inside_generation(net, population_of):
    mapping, evaluator = dn.PopulationMap(chunk=2), Noted(net)
    islands = [population_of(3), population_of(2)]
    with mapping.generation() as same, mapping.generation():
        scores = [same(evaluator, island) for island in islands]
        assert evaluator.concluded == []
    assert [(lot, number) for lot, number, _ in evaluator.prepared] == [(islands[0], 0)]
    assert evaluator.concluded == [([*islands[0], *islands[1]], [*scores[0], *scores[1]])]
    mapping(evaluator, islands[0])
    assert (mapping.number, len(evaluator.concluded)) == (1, 2)


def test_two_evaluators_in_one_generation_share_its_number(net, population_of):
    mapping, pair = dn.PopulationMap(), [Noted(net), Noted(net)]
    for _ in range(2):
        with mapping.generation():
            for evaluator in (*pair, *pair):
                mapping(evaluator, population_of(2))
    for evaluator in pair:
        assert [number for _, number, _ in evaluator.prepared] == [0, 1]
        assert [len(lot) for lot, _ in evaluator.concluded] == [4, 4]


def test_a_generation_that_fails_is_not_concluded_and_the_next_one_is(net, population_of):
    mapping, evaluator = dn.PopulationMap(), Noted(net)

    def fail():
        with mapping.generation():
            mapping(evaluator, population_of(2))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert evaluator.concluded == []
    mapping(evaluator, population_of(2))
    assert [number for _, number, _ in evaluator.prepared] == [0, 1]
    assert len(evaluator.concluded) == 1


def drawn(mapping, net, population, generations):
    evaluator = Noted(net)
    for _ in range(generations):
        mapping(evaluator, population)
    return [number for _, _, number in evaluator.prepared]


def test_what_a_generation_draws_follows_from_seed_and_number_alone(net, population_of):
    first = drawn(dn.PopulationMap(seed=5), net, population_of(2), 4)
    random.random()
    mapping = dn.PopulationMap(seed=5, chunk=1)
    mapping(Noted(net, lambda networks: torch.rand(len(networks))), population_of(3))
    assert drawn(mapping, net, population_of(1), 3) == first[1:]
    assert len(set(first)) == 4


def test_neighbouring_seeds_draw_nothing_alike(net, population_of):
    population = population_of(1)
    runs = [drawn(dn.PopulationMap(seed=seed), net, population, 5) for seed in range(5)]
    assert len({number for run in runs for number in run}) == 25


def test_without_a_seed_pythons_random_gives_one(net, population_of):
    population = population_of(1)
    runs = []
    for seed in (1, 1, 2):
        random.seed(seed)
        runs.append(drawn(dn.PopulationMap(), net, population, 2))
    assert runs[0] == runs[1] != runs[2]


def test_a_restored_map_goes_on_where_the_old_one_stood(net, population_of):
    population = population_of(2)
    old, new = dn.PopulationMap(), dn.PopulationMap()
    drawn(old, net, population, 3)
    new.load_state_dict(old.state_dict())
    assert new.evaluations == 6
    assert drawn(new, net, population, 2) == drawn(old, net, population, 2)
    assert new.state_dict() == old.state_dict()


# Warnings


def test_a_fresh_evaluator_is_warned_about_once_under_deaps_loop(net):
    toolbox = ready_toolbox(individual_type("FreshLoop"), Fresh(net), dn.PopulationMap())
    said = (
        'Evaluator "Fresh" draws anew every generation, so survivors keep a score from an older '
        "draw under DEAP's own loops. deapnets.eaGenerational scores them again."
    )
    with pytest.warns(UserWarning, match=re.escape(said)) as caught:
        algorithms.eaSimple(toolbox.population(n=4), toolbox, 0.5, 0.9, 5, verbose=False)
    assert len(caught) == 1


def test_who_groups_calls_into_generations_is_not_warned(net, population_of):
    mapping = dn.PopulationMap()
    for _ in range(3):
        with mapping.generation():
            mapping(Fresh(net), population_of(2))


def twice(function):
    @functools.wraps(function)
    def doubled(individual, *arguments, **keywords):
        return tuple(2 * value for value in function(individual, *arguments, **keywords))

    return doubled


@pytest.mark.parametrize("decorations", [1, 2])
def test_a_decorated_evaluator_is_right_and_warned_about_once(net, population_of, decorations):
    toolbox = base.Toolbox()
    toolbox.register("evaluate", Noted(net))
    toolbox.decorate("evaluate", *[twice] * decorations)
    toolbox.register("map", dn.PopulationMap())
    population = population_of(3)
    said = (
        "The evaluator is decorated, so individuals are evaluated one by one. Decorate "
        "Evaluator.evaluate, which sees a chunk, to keep whole populations in one batch."
    )
    with pytest.warns(UserWarning, match=re.escape(said)) as caught:
        scores = [toolbox.map(toolbox.evaluate, population) for _ in range(2)]
    assert len(caught) == 1
    plain = scores_by_loop(Noted(net), population)
    assert scores == [[(2**decorations * score,) for (score,) in plain]] * 2


def test_a_decorated_function_that_is_no_evaluator_is_no_ones_business():
    assert dn.PopulationMap()(twice(lambda one: (one,)), [1, 2]) == [(2,), (4,)]


# Records


def test_records_reach_the_individuals_of_every_chunk(net, population_of):
    def score(networks):
        networks.record("largest", networks.weights().amax(1))
        networks.record("ends", networks.weights()[:, [0, -1]])
        return torch.zeros(len(networks))

    population = population_of(5)
    dn.PopulationMap(chunk=2)(Noted(net, score), population)
    for one in population:
        weights = one.weights
        assert one.records == {
            "largest": weights.max().item(),
            "ends": (weights[0].item(), weights[-1].item()),
        }


# Memory


def reachable(*populations):
    """Return the nodes of these individuals and all that they are made from."""
    found = {}
    waiting = [one.node for population in populations for one in population]
    while waiting:
        node = waiting.pop()
        if id(node) not in found:
            found[id(node)] = node
            waiting += node.recipe.parents if node.recipe else ()
    return list(found.values())


def bytes_of(nodes):
    """Return the bytes that nodes hold on to, shared blocks once."""
    storages = [node.weights.untyped_storage() for node in nodes if node.weights is not None]
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


def held_by(*populations):
    return bytes_of([one.node for population in populations for one in population])


@pytest.mark.parametrize("rows", [3, 7, 20])
@pytest.mark.parametrize("chunk", [1, 2, None])
def test_weights_that_the_map_keeps_never_exceed_the_budget(net, rows, chunk):
    budget = rows * 26 * 4
    mapping = dn.PopulationMap(memory=budget, chunk=chunk)
    toolbox = ready_toolbox(individual_type("Budget"), Noted(net), mapping)
    population = toolbox.population(n=30)
    kept = WeakSet()
    for _ in range(6):
        recipes = [node for node in reachable(population) if node.recipe is not None]
        toolbox.map(toolbox.evaluate, population)
        kept.update(node for node in recipes if node.recipe is None)
        del recipes
        assert bytes_of(kept) <= budget
        population = algorithms.varAnd(random.choices(population, k=30), toolbox, 0.5, 0.9)


def test_weights_are_kept_where_the_budget_has_room(net, population_of):
    population = population_of(30)
    dn.PopulationMap(memory="1MB")(Noted(net), population)
    assert all(one.node.weights is not None for one in population)


def test_the_budget_counts_the_weights_of_every_layout(population_of):
    modules = [nn.Linear(50, 10), nn.Linear(2, 1)]
    budget = 10 * 510 * 4
    mapping = dn.PopulationMap(memory=budget, chunk=1)
    populations = [population_of(40, module=module) for module in modules]
    for population, module in zip(populations, modules, strict=True):
        mapping(Noted(module), population)
    assert 0 < held_by(populations[0]) <= held_by(*populations) <= budget


def test_kept_weights_are_not_those_of_the_next_chunk(net, population_of):
    mapping = dn.PopulationMap(memory="1MB", chunk=2)
    population = population_of(5)
    expected = [one.weights for one in copy.deepcopy(population)]
    for lot in (population, population_of(5)):
        mapping(Noted(net), lot)
    assert all(torch.equal(a.weights, b) for a, b in zip(population, expected, strict=True))


def test_weights_that_fell_out_of_use_make_room(net, population_of):
    mapping = dn.PopulationMap(memory=10 * 26 * 4, chunk=1)
    kept = []
    for _ in range(3):
        population = population_of(20)
        mapping(Noted(net), population)
        kept.append(held_by(population))
        del population
    assert kept[0] == kept[1] == kept[2] > 0


def test_a_budget_too_small_for_one_individual_is_refused(net, population_of):
    said = (
        "A memory budget of 300 bytes holds not one individual: 26 weights need at least 312. "
        "Give memory= more."
    )
    with pytest.raises(MemoryBudgetError, match=re.escape(said)):
        dn.PopulationMap(memory=300)(Noted(net), population_of(1))


@pytest.mark.parametrize("memory", ["", "GB", "4XB", "four", "4 4GB", "4GBB", "GB4", True, [4]])
def test_memory_that_is_no_size_is_refused(memory):
    said = f'memory is bytes, or text such as "4GB" or "512MB"; got {memory!r}.'
    with pytest.raises(OptionError, match=re.escape(said)):
        dn.PopulationMap(memory=memory)


@pytest.mark.parametrize("memory", [0, -5, "-1GB", "0", "inf", "nan", float("inf")])
def test_memory_must_be_something_and_finite(memory):
    said = f"memory must be more than nothing, and finite; got {memory!r}."
    with pytest.raises(OptionError, match=re.escape(said)):
        dn.PopulationMap(memory=memory)


def test_memory_left_open_is_half_of_what_is_free(monkeypatch):
    monkeypatch.setattr("psutil.virtual_memory", lambda: type("Free", (), {"available": 1000}))
    assert dn.PopulationMap().memory == 500


# Faults


def broken_at(*indices, value=torch.nan, objectives=1):
    """Return scores 0, 1, 2 ... of which some are not finite."""

    def score(networks):
        scores = torch.arange(len(networks), dtype=torch.float64)[:, None].repeat(1, objectives)
        scores[list(indices), -1] = value
        return scores

    return score


@pytest.mark.parametrize(
    ("value", "said"), [(torch.nan, "NaN"), (torch.inf, "infinity"), (-torch.inf, "infinity")]
)
def test_fitness_that_is_not_finite_names_individual_and_generation(
    net, population_of, value, said
):
    mapping, population = dn.PopulationMap(), population_of(4)
    mapping(Noted(net), population)
    message = (
        f'Evaluator "Noted" returned {said} for individual {population[2].digest[:8]} '
        '(generation 1). Fitness must be finite; on_error="worst" gives it the worst value.'
    )
    with pytest.raises(EvaluationError, match=re.escape(message)):
        mapping(Noted(net, broken_at(2, value=value)), population)


@pytest.mark.parametrize(("kind", "worst"), [(Noted, 0.0), (Minimised, 2.0)])
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_worst_is_the_worst_finite_value_in_the_direction_of_the_objective(
    net, population_of, kind, worst, value
):
    individuals = individual_type("Worst" + kind.__name__, kind.weights)
    population = population_of(4, kind=individuals)
    mapping = dn.PopulationMap(on_error="worst")
    scores = mapping(kind(net, broken_at(3, value=value)), population)
    assert scores == [(0.0,), (1.0,), (2.0,), (worst,)]
    assert mapping.faults == [
        {"generation": 0, "individual": population[3].digest, "value": [repr(value)]}
    ]


def test_the_worst_of_two_objectives_is_that_of_each(net, population_of, pareto_class):
    population = population_of(4, kind=pareto_class)
    mapping = dn.PopulationMap(on_error="worst")
    scores = mapping(TwoObjectives(net, broken_at(0, 2, objectives=2)), population)
    assert scores == [(1.0, 3.0), (1.0, 1.0), (1.0, 3.0), (3.0, 3.0)]
    assert [fault["value"] for fault in mapping.faults] == [["0.0", "nan"], ["2.0", "nan"]]


def test_worst_cannot_be_had_when_nothing_is_finite(net, population_of):
    population = population_of(2)
    said = (
        f'Evaluator "Noted" returned NaN for individual {population[0].digest[:8]} (generation 0). '
        "Fitness must be finite; that of no individual was, so there is no worst value to give "
        "them."
    )
    with pytest.raises(EvaluationError, match=re.escape(said)):
        dn.PopulationMap(on_error="worst")(Noted(net, broken_at(0, 1)), population)


@pytest.mark.parametrize(
    ("returned", "got"),
    [
        (torch.zeros(3), "[3] for 4 networks and 1 objective(s); expected [4, 1]"),
        (torch.zeros(5), "[5] for 4 networks and 1 objective(s); expected [4, 1]"),
        (torch.zeros(4, 2), "[4, 2] for 4 networks and 1 objective(s); expected [4, 1]"),
        (torch.zeros(1, 4), "[1, 4] for 4 networks and 1 objective(s); expected [4, 1]"),
    ],
)
def test_too_few_or_too_many_results_are_refused(net, population_of, returned, got):
    said = f'Evaluator "Noted" returned fitness of shape {got}.'
    with pytest.raises(EvaluationError, match=re.escape(said)):
        dn.PopulationMap()(Noted(net, lambda networks: returned), population_of(4))


def test_results_of_two_objectives_need_two_columns(net, population_of, pareto_class):
    said = "fitness of shape [2] for 2 networks and 2 objective(s); expected [2, 2]."
    with pytest.raises(EvaluationError, match=re.escape(said)):
        dn.PopulationMap()(
            TwoObjectives(net, lambda networks: torch.zeros(2)), population_of(2, kind=pareto_class)
        )


# Whom it belongs to


def test_individuals_of_another_direction_are_refused(net, population_of):
    said = (
        'Evaluator "Minimised" returns objectives of weights (-1.0,), the individuals\' fitness '
        "has (1.0,): the run would go the wrong way. Create the fitness with weights=(-1.0,)."
    )
    with pytest.raises(EvaluationError, match=re.escape(said)):
        dn.PopulationMap()(Minimised(net), population_of(2))


def test_individuals_of_another_number_of_objectives_are_refused(net, population_of, pareto_class):
    with pytest.raises(EvaluationError, match=r"fitness has \(1\.0, -1\.0\): the run would go"):
        dn.PopulationMap()(Noted(net), population_of(2, kind=pareto_class))


def test_the_size_of_a_weight_is_the_selections_business(net, population_of):
    kind = individual_type("Heavier", (5.0,))
    assert len(dn.PopulationMap()(Noted(net), population_of(2, kind=kind))) == 2


def test_what_is_no_genome_is_refused(net):
    said = (
        'Evaluator "Noted" evaluates WeightGenome individuals, got list. See: deapnets.initWeights.'
    )
    with pytest.raises(EvaluationError, match=re.escape(said)):
        dn.PopulationMap()(Noted(net), [[1, 2]])


def test_genomes_of_another_network_are_refused(net, population_of):
    said = (
        "The genome does not belong to this Sequential: it has weight[2, 5], the module has no "
        "such parameter. Genome: 12 weights (weight[2, 5], bias[2])."
    )
    with pytest.raises(LayoutError, match=re.escape(said)):
        dn.PopulationMap()(Noted(net), population_of(2, module=nn.Linear(5, 2)))


def test_genomes_of_a_part_and_of_the_whole_mix_in_one_call(task, net, population_of):
    whole = population_of(3)
    net[0].requires_grad_(False)
    part = population_of(3)
    assert part[0].layout != whole[0].layout
    mixed = [one for pair in zip(whole, part, strict=True) for one in pair]
    apart = [*dn.PopulationMap()(task, whole), *dn.PopulationMap()(task, part)]
    together = dn.PopulationMap()(task, mixed)
    assert [*together[::2], *together[1::2]] == apart
    assert together == [(pytest.approx(s, rel=1e-5),) for (s,) in scores_by_loop(task, mixed)]


# Options


def test_how_a_layout_is_computed_can_be_told(task, net):
    mapping = dn.PopulationMap(memory="1MB", chunk=7, device="cpu")
    assert mapping.describe(task, Layout.of(net)) == {
        "device": "cpu",
        "path": "stacked",
        "chunk": 7,
        "precision": "float32",
        "memory": 1 << 20,
    }


@pytest.mark.parametrize("path", ["stacked", "vmap", "loop"])
def test_every_path_gives_the_same_scores_to_rounding(task, population_of, path):
    population = population_of(5)
    expected = scores_by_loop(task, population)
    scores = dn.PopulationMap(path=path)(task, population)
    assert scores == [(pytest.approx(score, rel=1e-5),) for (score,) in expected]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"on_error": "wrost"}, 'Unknown on_error "wrost". Did you mean "worst"?'),
        ({"chunk": 0}, "chunk is at least 1, got 0."),
        ({"chunk": 2.5}, "chunk is a whole number, got 2.5."),
        ({"chunk": "3"}, "chunk is a whole number, got '3'."),
        (
            {"path": "vmapp"},
            'Unknown path "vmapp". Did you mean "vmap"? Valid: loop, stacked, vmap',
        ),
        ({"path": None}, 'Unknown path "None".'),
        ({"device": "gpu"}, 'Unknown device "gpu".'),
        ({"device": "auto:1"}, 'Unknown device "auto:1".'),
    ],
)
def test_options_that_cannot_be_used_are_refused(options, said):
    with pytest.raises(OptionError, match=re.escape(said)):
        dn.PopulationMap(**options)


def test_threads_are_chosen_only_where_no_bit_can_change(individual_class):
    """An evaluator that promises nothing always runs with the threads that torch has."""

    class Watching(dn.Evaluator):
        def __init__(self, promises):
            self.thread_invariant = promises
            self.net = torch.nn.Sequential(torch.nn.Linear(3, 2))
            self.seen = set()

        def genome(self):
            return self.net

        def evaluate(self, networks):
            self.seen.add(torch.get_num_threads())
            return networks.weights().sum(1)

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        for promises, threads in ((False, {2}), (True, {1, 2})):
            evaluator = Watching(promises)
            population = [dn.initWeights(individual_class, evaluator.net, 0.1) for _ in range(3)]
            mapping = dn.PopulationMap()
            for _ in range(12):
                mapping(evaluator, population)
            assert evaluator.seen == threads
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


# What is told and what is asked while a generation is scored


def test_every_chunk_is_told_with_its_individuals_as_soon_as_it_was_scored(net, population_of):
    mapping, evaluator, told = dn.PopulationMap(chunk=4), Noted(net), []
    mapping.on_scores = lambda individuals, scored: told.append(
        (list(individuals), scored.values[:, 0].tolist(), len(evaluator.lots))
    )
    population = population_of(10)
    scores = mapping(evaluator, population)
    assert [one for individuals, _, _ in told for one in individuals] == population
    assert [(value,) for _, values, _ in told for value in values] == scores
    assert [lots for _, _, lots in told] == [1, 2, 3]


def test_what_is_known_is_not_evaluated_again(net, population_of):
    mapping, evaluator = dn.PopulationMap(), Noted(net)
    population = population_of(5)
    expected = dn.PopulationMap()(Noted(net), population)
    known = {population[1].digest: (7.0,), population[4].digest: (8.0,)}
    mapping.recall = lambda individual: known.get(individual.digest)
    scores = mapping(evaluator, population)
    assert scores == [expected[0], (7.0,), *expected[2:4], (8.0,)]
    assert (evaluator.lots, mapping.evaluations) == ([3], 5)
    mapping.recall = lambda individual: (1.0,)
    assert mapping(evaluator, population) == [(1.0,)] * 5
    assert evaluator.lots == [3]


class Hungry(dn.Evaluator):
    """A device with the memory for so many networks at once, and no more."""

    def __init__(self, net, most):
        self.net, self.most, self.seen = net, most, []

    def genome(self):
        return self.net

    def evaluate(self, networks):
        self.seen.append(len(networks))
        networks.record("size", torch.full((len(networks),), 1.0))
        if len(networks) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return networks.weights().sum(1)


def test_a_chunk_that_is_too_large_for_the_device_is_halved_and_said(net, population_of):
    population = population_of(20)
    hungry = Hungry(net, 3)
    mapping = dn.PopulationMap(device="cpu", chunk=16)
    with pytest.warns(UserWarning, match="cpu ran out of memory with") as caught:
        scores = mapping(hungry, population)
    assert [f"{one.message}".split(". ")[0] for one in caught] == [
        f"cpu ran out of memory with {most} networks at once; going on with {most // 2}"
        for most in (16, 8, 4)
    ]
    assert hungry.seen == [16, 8, 4, *[2] * 10]
    assert scores == dn.PopulationMap(device="cpu")(Hungry(net, 99), population)
    assert all(individual.records == {"size": 1.0} for individual in population)
    assert mapping.describe(hungry, population[0].layout)["chunk"] == 2
    hungry.seen.clear()
    mapping(hungry, population)
    assert hungry.seen == [2] * 10


@pytest.mark.filterwarnings("ignore:cpu ran out of memory")
def test_a_device_without_the_memory_for_one_network_is_said(net, population_of):
    said = r"^cpu has not the memory to evaluate one network of 26 weights\. Give it fewer rows"
    with pytest.raises(MemoryBudgetError, match=said):
        dn.PopulationMap(device="cpu", chunk=4)(Hungry(net, 0), population_of(4))


def test_a_map_in_bfloat16_scores_alike_and_keeps_weights_in_float32(individual_class):
    net = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 2))
    inputs, targets = torch.randn(50, 20), torch.randint(2, (50,))
    evaluator = dn.Supervised(net, inputs, targets)
    population = [dn.initWeights(individual_class, net, sigma=0.3) for _ in range(9)]
    rough = dn.PopulationMap(device="cpu", precision="bfloat16")(evaluator, population)
    assert population[0].node.block.dtype == torch.float32
    exact = dn.PopulationMap(device="cpu")(evaluator, population)
    assert rough != exact
    for one, other in zip(rough, exact, strict=True):
        assert one == pytest.approx(other, rel=0.03)
    layout = population[0].layout
    told = dn.PopulationMap(device="cpu", precision="bfloat16").describe(evaluator, layout)
    assert (told["path"], told["precision"]) == ("stacked", "bfloat16")


def test_an_unknown_precision_is_refused_with_the_near_one():
    said = 'Unknown precision "bfloat61". Did you mean "bfloat16"? Valid: bfloat16, float32.'
    with pytest.raises(OptionError, match=re.escape(said)):
        dn.PopulationMap(precision="bfloat61")
