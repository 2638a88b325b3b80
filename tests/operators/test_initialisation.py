"""``init...``: individuals round one network."""

from __future__ import annotations

import copy
import gc
import random
import weakref

import pytest
import torch
from scipy import stats
from torch import nn

import deapnets as dn
from deapnets.errors import LayoutError, OptionError
from deapnets.genomes.layout import Layout
from deapnets.operators.ancestors import ancestor_of


@pytest.fixture
def wide() -> nn.Module:
    return nn.Linear(100, 100)


def flat(module: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().reshape(-1) for p in module.parameters()])


def gaussian(values: torch.Tensor, sigma: float) -> bool:
    n, scaled = len(values), values.double() / sigma
    centred = abs(float(scaled.mean())) < 5 / n**0.5
    spread = abs(float(scaled.var()) - 1) < 5 * (2 / n) ** 0.5
    return centred and spread and stats.kstest(scaled.numpy(), "norm").pvalue > 1e-4


def test_individuals_spread_round_the_modules_parameters(individual_class, wide):
    individual = dn.initWeights(individual_class, wide, sigma=0.1)
    assert isinstance(individual, individual_class)
    assert not individual.fitness.valid
    assert gaussian(individual.weights - flat(wide), 0.1)


def test_independent_individuals_forget_the_modules_parameters(individual_class, wide):
    with torch.no_grad():
        wide.weight.fill_(1000)
    individual = dn.initWeights(individual_class, wide, sigma=0.5, spread="independent")
    assert gaussian(individual.weights, 0.5)


@pytest.mark.parametrize("spread", ["ancestor", "independent"])
def test_individuals_differ(individual_class, wide, spread):
    first, second = (dn.initWeights(individual_class, wide, 1.0, spread) for _ in range(2))
    assert first != second
    noise = [individual.weights - ancestor_of(wide).weights for individual in (first, second)]
    correlation = float(torch.corrcoef(torch.stack(noise))[0, 1])
    assert abs(correlation) < 0.1 or spread == "independent"
    assert not torch.equal(first.weights, second.weights)


def test_individuals_have_one_common_ancestor(make_toolbox, net):
    population = make_toolbox().population(n=5)
    ancestors = {id(individual.node.recipe.parents[0]) for individual in population}
    assert ancestors == {id(ancestor_of(net))}
    assert torch.equal(ancestor_of(net).weights, flat(net))


def test_sigma_zero_gives_the_ancestor_itself(individual_class, net):
    state = random.getstate()
    individual = dn.initWeights(individual_class, net, sigma=0)
    assert individual.node is ancestor_of(net)
    assert random.getstate() == state


def test_python_random_governs_initialisation(make_toolbox):
    toolbox = make_toolbox()
    random.seed(3)
    first = toolbox.population(n=3)
    random.seed(3)
    assert toolbox.population(n=3) == first
    assert toolbox.population(n=3) != first


def test_initialisation_draws_one_seed_an_individual(make_toolbox):
    make_toolbox().population(n=3)
    after = random.random()
    random.seed(1)
    for _ in range(3):
        random.getrandbits(64)
    assert random.random() == after


def change_in_place(net: nn.Module) -> None:
    with torch.no_grad():
        net[0].bias[1] += 1


def change_data(net: nn.Module) -> None:
    net[2].weight.data[0, 0] += 1


def replace_data(net: nn.Module) -> None:
    net[0].weight.data = torch.zeros(4, 3)


def replace_parameter(net: nn.Module) -> None:
    net[0].weight = nn.Parameter(torch.ones(4, 3))


def load_state(net: nn.Module) -> None:
    net.load_state_dict({name: value + 1 for name, value in net.state_dict().items()})


@pytest.mark.parametrize(
    "change", [change_in_place, change_data, replace_data, replace_parameter, load_state]
)
def test_changed_parameters_are_a_new_ancestor(individual_class, net, change):
    before = dn.initWeights(individual_class, net, sigma=0)
    old = before.weights
    change(net)
    after = dn.initWeights(individual_class, net, sigma=0)
    assert torch.equal(after.weights, flat(net))
    assert torch.equal(before.weights, old)
    assert after != before


def test_training_an_individuals_module_leaves_the_ancestor(individual_class, net):
    ancestor = ancestor_of(net)
    carrier = dn.initWeights(individual_class, net, sigma=0).module(net)
    change_in_place(carrier)
    assert ancestor_of(net) is ancestor


def test_parameters_that_are_frozen_later_leave_the_genome(individual_class, net):
    assert len(dn.initWeights(individual_class, net, sigma=0.1)) == 26
    net[0].requires_grad_(False)
    assert len(dn.initWeights(individual_class, net, sigma=0.1)) == 10


def test_frozen_parameters_are_shared_by_all(individual_class, net):
    net[0].requires_grad_(False)
    individual = dn.initWeights(individual_class, net, sigma=1.0)
    carrier = individual.module(net)
    assert individual.layout.names == ("2.weight", "2.bias")
    assert torch.equal(carrier[0].weight, net[0].weight)
    assert not torch.equal(carrier[2].weight, net[2].weight)


def test_ancestor_does_not_keep_its_module_alive(individual_class):
    module = nn.Linear(2, 2)
    individual = dn.initWeights(individual_class, module, sigma=0.1)
    held = weakref.ref(module)
    del module
    gc.collect()
    assert held() is None
    assert individual.weights.shape == (6,)


def test_equal_modules_have_equal_ancestors(net):
    twin = copy.deepcopy(net)
    assert ancestor_of(twin) is not ancestor_of(net)
    assert ancestor_of(twin).digest == ancestor_of(net).digest


def test_module_of_doubles_has_an_ancestor_that_stays(net):
    net.double()
    net[0].weight.data.fill_(0.1)  # no float32 is 0.1 in double precision
    assert ancestor_of(net) is ancestor_of(net)
    assert ancestor_of(net).weights.dtype == torch.float32


def test_population_starts_from_several_networks(individual_class, net):
    twin = copy.deepcopy(net)
    change_in_place(twin)
    population = [dn.initWeights(individual_class, module, sigma=0.1) for module in (net, twin)]
    dn.cxUniform(*population, indpb=0.5)
    assert population[0].layout is population[1].layout is Layout.of(net)


def test_a_pattern_leaves_the_rest_of_the_network_to_all(individual_class, net):
    individual = dn.initWeights(individual_class, net, sigma=1.0, parameters="2.*")
    carrier = individual.module(net)
    assert list(individual.state_dict()) == ["2.weight", "2.bias"]
    assert torch.equal(carrier[0].weight, net[0].weight)
    assert not torch.equal(carrier[2].weight, net[2].weight)
    whole = individual.state_dict(net)
    assert list(whole) == list(net.state_dict())
    assert torch.equal(whole["0.weight"], net[0].weight)
    assert torch.equal(whole["2.bias"], individual.weights[8:])


def test_individuals_of_two_patterns_do_not_mate(individual_class, net):
    parts = ("0.*", "2.*")
    pair = [dn.initWeights(individual_class, net, sigma=0.1, parameters=part) for part in parts]
    with pytest.raises(LayoutError, match=r"cannot combine two different networks: 16 weights"):
        dn.cxUniform(*pair, indpb=0.5)


def test_an_integer_parameter_is_shared_by_all(individual_class, net):
    net.register_parameter("steps", nn.Parameter(torch.zeros(1, dtype=torch.int32), False))
    individual = dn.initWeights(individual_class, net, sigma=0.1)
    assert len(individual) == 26
    assert individual.state_dict(net)["steps"].dtype == torch.int32


def test_module_with_nothing_to_train_is_refused(individual_class, net):
    message = r"^Sequential has no parameter to evolve: 4 parameters, none of which requires a"
    with pytest.raises(LayoutError, match=message):
        dn.initWeights(individual_class, net.requires_grad_(False), sigma=0.1)


def test_unknown_spread_is_refused_with_the_near_one(individual_class, net):
    message = (
        r'^Unknown spread "ancester"\. Did you mean "ancestor"\? Valid: ancestor, independent\.$'
    )
    with pytest.raises(OptionError, match=message):
        dn.initWeights(individual_class, net, sigma=0.1, spread="ancester")


@pytest.mark.parametrize("sigma", [-0.1, float("nan"), float("inf"), "wide"])
@pytest.mark.parametrize("spread", ["ancestor", "independent"])
def test_sigma_out_of_range_is_refused(individual_class, net, sigma, spread):
    message = rf"^initGaussian: sigma is a finite number of at least 0, got {sigma!r}\.$"
    with pytest.raises(OptionError, match=message):
        dn.initWeights(individual_class, net, sigma=sigma, spread=spread)
