"""`@operator`: one core, called as DEAP calls operators, for our own and for everybody's."""

from __future__ import annotations

import copy
import functools
import hashlib
import pickle
import random

import numpy as np
import pytest
import torch
from deap import algorithms
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import deapnets as dn
from deapnets.errors import LayoutError, OperatorError, OptionError
from deapnets.genomes.layout import Layout
from deapnets.genomes.making import made
from deapnets.genomes.nodes import Node
from deapnets.genomes.weights import WeightGenome
from deapnets.operators import contract
from deapnets.operators.contract import deviation, find_operator, operator, probability
from deapnets.operators.initialisation import initGaussian
from deapnets.testing import OperatorContract


@operator(parents=2, share=probability)
def cxBlend(rows, draw, *, share: float = 0.5, shift: float = 0.0):
    """Blend two parents."""
    return rows[0] * (1 - share) + rows[1] * share + shift


@operator(parents=3)
def mutDifference(rows, draw):
    return rows[0] + rows[1] - rows[2]


@operator(parents=1)
def mutCut(rows, draw):
    return rows[0][:, 1:]


@operator(parents=1)
def mutNothing(rows, draw):
    return None


class Home:
    @operator(parents=1)
    def mutNegate(rows, draw):  # noqa: N805  a core takes rows first, wherever it stands
        return -rows[0]


not_an_operator = functools.partial(cxBlend, share=0.5)

OPERATORS = [
    (dn.cxUniform, {"indpb": 0.5}),
    (dn.cxUniform, {"indpb": 0.1}),
    (dn.cxArithmetic, {}),
    (dn.cxArithmetic, {"alpha": 0.3}),
    (dn.cxOnePoint, {}),
    (dn.mutGaussian, {"sigma": 0.5, "indpb": 0.05}),
    (dn.mutGaussian, {"sigma": 0.5, "indpb": 0.6}),
    (dn.mutGaussian, {"sigma": 0.5, "indpb": 1.0}),
    (dn.mutGaussian, {"sigma": 0.5, "indpb": 0.0}),
    (dn.mutReset, {"sigma": 0.5, "indpb": 0.3}),
    (dn.mutReset, {"sigma": 0.5, "indpb": 1.0}),
    (dn.cxNeuron, {"indpb": 0.5}),
    (dn.cxLayer, {"indpb": 0.3}),
    (dn.cxAligned, {"indpb": 0.5}),
    (dn.mutGaussianRelative, {"sigma": 0.5, "indpb": 0.05}),
    (dn.mutGaussianRelative, {"sigma": 0.5, "indpb": 0.6}),
    (dn.mutGaussianRelative, {"sigma": 0.5, "indpb": 1.0}),
    (dn.mutNonzero, {"sigma": 0.5, "indpb": 0.1}),
    (dn.mutPrune, {"share": 0.5}),
    (cxBlend, {}),
    (mutDifference, {}),
]


@pytest.fixture
def pair(individual_class, leaf):
    return individual_class(leaf([1, 2, 3])), individual_class(leaf([5, 6, 7]))


class TestEveryOperator(OperatorContract):
    cases = OPERATORS


@pytest.mark.parametrize(("apply", "parameters"), OPERATORS)
@given(width=st.integers(1, 70), seed=st.integers(0, 2**64 - 1), values=st.integers(0, 99))
def test_operator_takes_parents_of_any_width(apply, parameters, leaf, width, seed, values):
    generator = torch.Generator().manual_seed(values)
    parents = [leaf(torch.randn(width, generator=generator)) for _ in range(apply.parents)]
    before = [parent.weights.clone() for parent in parents]
    node = apply.child(tuple(parents), seed, apply.parameters(**parameters))
    weights = made(node)
    assert weights.shape == (width,)
    assert weights.dtype == torch.float32
    assert bool(weights.isfinite().all())
    assert torch.equal(made(node), weights)
    assert all(torch.equal(p.weights, b) for p, b in zip(parents, before, strict=True))
    assert torch.equal(made(pickle.loads(pickle.dumps(node))), weights)


@pytest.mark.parametrize(
    ("apply", "parameters", "vector"),
    [
        (dn.cxUniform, {"indpb": 0.5}, "612c5068b1dee7d3"),
        (dn.cxUniform, {"indpb": 0.1}, "2771b9b287ca9bff"),
        (dn.cxArithmetic, {}, "069305845d9e5271"),
        (dn.cxArithmetic, {"alpha": 0.3}, "c7779d1df1cea74c"),
        (dn.cxOnePoint, {}, "c02738bdf9a04a51"),
        (dn.mutGaussian, {"sigma": 0.5, "indpb": 0.1}, "5a2816460209ddc6"),
        (dn.mutGaussian, {"sigma": 0.5, "indpb": 0.25}, "8074a15ebe6478e0"),
        (dn.mutGaussian, {"sigma": 0.5, "indpb": 1.0}, "6353021adea0ec7d"),
        (dn.mutReset, {"sigma": 0.5, "indpb": 0.1}, "8db6c354ba826a88"),
        (dn.mutReset, {"sigma": 0.5, "indpb": 0.5}, "899651f76d0ace60"),
        (initGaussian, {"sigma": 0.5, "around": True}, "6353021adea0ec7d"),
        (initGaussian, {"sigma": 0.5, "around": False}, "ee5233bedf72196c"),
    ],
)
def test_children_of_an_operator_are_the_test_vectors(apply, parameters, vector):
    rows = [torch.arange(3.0, 3003.0).view(3, 1000) * (k + 1) for k in range(apply.parents)]
    seeds = np.array([0, 1, 2**64 - 1], dtype=np.uint64)
    children = apply.make(rows, seeds, apply.parameters(**parameters))
    assert hashlib.blake2b(children.numpy().tobytes(), digest_size=8).hexdigest() == vector


def test_second_child_has_the_parents_in_reverse_order(pair):
    nodes = [individual.node for individual in pair]
    first, second = cxBlend(*pair, share=0.25)
    assert first.node.recipe.parents == tuple(nodes)
    assert second.node.recipe.parents == tuple(nodes[::-1])
    assert first.node.recipe.seed == second.node.recipe.seed
    assert first.weights.tolist() == [2, 3, 4]
    assert second.weights.tolist() == [4, 5, 6]


def test_operator_of_three_parents_gives_each_its_turn(leaf):
    individuals = [WeightGenome(leaf([value])) for value in (1, 10, 100)]
    children = mutDifference(*individuals)
    assert [float(child.weights) for child in children] == [
        1 + 10 - 100,
        10 + 100 - 1,
        100 + 1 - 10,
    ]


def test_individual_may_mate_with_itself(pair):
    first, second = cxBlend(pair[0], pair[0])
    assert first is second
    assert first.weights.tolist() == [1, 2, 3]


# On a toolbox.


def test_custom_operator_serves_a_toolbox(make_toolbox):
    toolbox = make_toolbox()
    toolbox.register("mate", cxBlend, share=0.25)
    toolbox.register("mutate", functools.partial(dn.mutGaussian, sigma=0.1), indpb=0.2)
    offspring = algorithms.varAnd(toolbox.population(n=4), toolbox, cxpb=1.0, mutpb=1.0)
    for child in offspring:
        assert child.node.recipe.operator is dn.mutGaussian
        assert dict(child.node.recipe.parameters) == {"sigma": 0.1, "indpb": 0.2}
        mated = child.node.recipe.parents[0].recipe
        assert mated.operator is cxBlend
        assert dict(mated.parameters) == {"share": 0.25, "shift": 0.0}


def test_decorated_operator_serves_a_toolbox(make_toolbox):
    def clipped(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            children = function(*args, **kwargs)
            for child in children:
                child.weights = child.weights.clamp(-0.01, 0.01)
            return children

        return wrapper

    toolbox = make_toolbox()
    toolbox.decorate("mutate", clipped)
    (child,) = toolbox.mutate(toolbox.individual())
    assert child.weights.abs().max() == 0.01


def test_operator_carries_the_name_and_text_of_its_core():
    assert cxBlend.__name__ == cxBlend.name == "cxBlend"
    assert cxBlend.__doc__ == "Blend two parents."
    assert cxBlend.reference == f"{__name__}:cxBlend"
    assert dn.cxUniform.reference == "deapnets.operators.crossover:cxUniform"
    assert not cxBlend.keep
    assert operator(parents=1, keep=True)(mutCut.core).keep


# What cannot be combined.


def test_mating_two_layouts_names_both(individual_class, net, pair):
    other = dn.initWeights(individual_class, net, sigma=0.1)
    nodes = [other.node, pair[0].node]
    message = (
        r"^cxUniform cannot combine two different networks: 26 weights \(0\.weight\[4, 3\], "
        r"0\.bias\[4\], 2\.weight\[2, 4\], 2\.bias\[2\]\) and 3 weights \(weight\[3\]\)\.$"
    )
    with pytest.raises(LayoutError, match=message):
        dn.cxUniform(other, pair[0], indpb=0.5)
    assert [other.node, pair[0].node] == nodes


def test_nets_of_equal_size_and_other_shapes_do_not_mate(individual_class):
    wide, high = (
        dn.initWeights(individual_class, nn.Linear(*shape, bias=False), sigma=0.1)
        for shape in ((2, 3), (3, 2))
    )
    message = r"6 weights \(weight\[3, 2\]\) and 6 weights \(weight\[2, 3\]\)"
    with pytest.raises(LayoutError, match=message):
        dn.cxOnePoint(wide, high)


def test_individuals_of_one_layout_from_two_processes_mate(pair):
    foreign = pickle.loads(pickle.dumps(pair[1]))
    assert foreign.layout is not pair[0].layout
    cxBlend(pair[0], foreign)
    assert pair[0].weights.tolist() == [3, 4, 5]


def test_individuals_of_another_kind_are_refused(pair):
    message = (
        r"^cxUniform works on WeightGenome individuals, got list\. See: deapnets\.initWeights\.$"
    )
    with pytest.raises(OperatorError, match=message):
        dn.cxUniform(pair[0], [1.0, 2.0, 3.0], indpb=0.5)


@pytest.mark.parametrize(("count", "got"), [(0, 0), (1, 1), (3, 3)])
def test_wrong_number_of_individuals_is_refused(pair, count, got):
    message = (
        r"^cxUniform takes 2 individual\(s\) and then keywords, "
        rf"got {got} positional argument\(s\)\.$"
    )
    with pytest.raises(OperatorError, match=message):
        dn.cxUniform(*[pair[0]] * count, indpb=0.5)


def test_parameters_by_position_are_refused(pair):
    message = r"^mutGaussian takes 1 individual\(s\) and then keywords, got 3 positional"
    with pytest.raises(OperatorError, match=message):
        dn.mutGaussian(pair[0], 0.1, 0.1)


# Parameters.


def test_unknown_parameter_is_refused_with_the_near_one():
    message = (
        r'^Unknown parameter of mutGaussian "sgima"\. Did you mean "sigma"\? '
        r"Valid: indpb, sigma\.$"
    )
    with pytest.raises(OptionError, match=message):
        dn.mutGaussian.parameters(sgima=0.1, indpb=0.1)


def test_unknown_parameter_of_an_operator_without_any_is_refused():
    with pytest.raises(
        OptionError, match=r'^Unknown parameter of cxOnePoint "indpb"\. Valid: none'
    ):
        dn.cxOnePoint.parameters(indpb=0.1)


def test_missing_parameter_is_refused():
    with pytest.raises(OptionError, match=r"^mutGaussian: missing a required argument: 'indpb'\.$"):
        dn.mutGaussian.parameters(sigma=0.1)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf"), "0.5", None])
def test_probability_out_of_range_is_refused(value):
    message = rf"^cxUniform: indpb is a probability in \[0, 1\], got {value!r}\.$"
    with pytest.raises(OptionError, match=message):
        dn.cxUniform.parameters(indpb=value)


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "0.5", None])
def test_deviation_out_of_range_is_refused(value):
    message = rf"^mutReset: sigma is a finite number of at least 0, got {value!r}\.$"
    with pytest.raises(OptionError, match=message):
        dn.mutReset.parameters(sigma=value, indpb=0.1)


@pytest.mark.parametrize("value", [-0.1, 1.1, "half"])
def test_alpha_out_of_range_is_refused(value):
    message = rf"^cxArithmetic: alpha is a probability in \[0, 1\], got {value!r}\.$"
    with pytest.raises(OptionError, match=message):
        dn.cxArithmetic.parameters(alpha=value)


@pytest.mark.parametrize(
    ("value", "kind"),
    [([0.1], "list"), (torch.tensor(0.1), "Tensor"), (np.zeros(2), "ndarray"), (print, "builtin")],
)
def test_parameter_that_no_recipe_can_store_is_refused(value, kind):
    message = (
        rf"^cxBlend: shift must be a number, a string or None, so that a recipe can be stored; "
        rf"got {kind}"
    )
    with pytest.raises(OptionError, match=message):
        cxBlend.parameters(shift=value)


def test_refused_call_changes_nothing(pair):
    before, state = pair[0].node, random.getstate()
    with pytest.raises(OptionError):
        dn.mutGaussian(pair[0], sigma=-1, indpb=0.1)
    assert pair[0].node is before
    assert random.getstate() == state


def test_parameters_stand_in_the_cores_order_with_defaults():
    assert cxBlend.parameters() == (("share", 0.5), ("shift", 0.0))
    assert cxBlend.parameters(shift=1, share=0) == (("share", 0), ("shift", 1))


@pytest.mark.parametrize("value", [np.float32(0.5), np.float64(0.5), np.int64(1), np.bool_(True)])
def test_numbers_of_numpy_become_pythons(value):
    ((_, stored), _) = dn.mutGaussian.parameters(sigma=value, indpb=0.1)
    assert type(stored) in (int, float, bool)
    assert stored == value


def test_parameters_keep_the_type_that_they_were_parametersin():
    def types(value: object) -> type:
        return type(dict(cxBlend.parameters(shift=value))["shift"])

    assert [types(value) for value in (1.0, 1, True, 1.0)] == [float, int, bool, float]


def test_parameters_that_never_repeat_do_not_pile_up(monkeypatch):
    for i in range(3 * contract._REMEMBERED):
        assert cxBlend.parameters(shift=i / 7) == (("share", 0.5), ("shift", i / 7))
    assert len(cxBlend._known) <= contract._REMEMBERED


def test_check_of_a_parameter_that_the_core_lacks_is_refused():
    message = r'^Unknown parameter of mutCut "sigma"\. Valid: none\.$'
    with pytest.raises(OptionError, match=message):
        operator(parents=1, sigma=deviation)(mutCut.core)


# What a core gives back.


def test_core_that_returns_another_shape_is_refused(pair):
    (child,) = mutCut(pair[0])
    message = r"^mutCut must return a tensor \[1, 3\], got torch\.Size\(\[1, 2\]\)\.$"
    with pytest.raises(OperatorError, match=message):
        _ = child.weights


def test_core_that_returns_no_tensor_is_refused(pair):
    (child,) = mutNothing(pair[0])
    with pytest.raises(OperatorError, match=r"^mutNothing must return a tensor \[1, 3\], got None"):
        _ = child.weights


# Found again.


@pytest.mark.parametrize("found", [dn.cxUniform, dn.mutReset, cxBlend, Home.__dict__["mutNegate"]])
def test_operator_is_found_by_its_reference(found):
    assert find_operator(found.reference) is found
    assert pickle.loads(pickle.dumps(found)) is found
    assert copy.deepcopy(found) is found


@pytest.mark.parametrize(
    ("reference", "module", "name"),
    [
        ("deapnets.operators.crossover:cxNone", "deapnets.operators.crossover", "cxNone"),
        ("deapnets.operators.crosover:cxUniform", "deapnets.operators.crosover", "cxUniform"),
        ("a_module_that_nobody_imported:cxMine", "a_module_that_nobody_imported", "cxMine"),
        ("os:getcwd", "os", "getcwd"),
        (f"{__name__}:not_an_operator", __name__, "not_an_operator"),
        (f"{__name__}:Home.missing", __name__, r"Home\.missing"),
    ],
)
def test_operator_that_is_nowhere_is_refused(reference, module, name):
    message = (
        rf'^Operator "{reference}" cannot be found: import {module} first, and define {name} at '
        r"its top level with @deapnets\.operator\.$"
    )
    with pytest.raises(OperatorError, match=message):
        find_operator(reference)


def test_recipe_of_a_local_operator_cannot_be_unpickled(pair):
    @operator(parents=1)
    def mutLocal(rows, draw):
        return rows[0] + 1

    (child,) = mutLocal(pair[0])
    assert child.weights.tolist() == [2, 3, 4]
    stored = pickle.dumps(child.node)
    with pytest.raises(OperatorError, match=r"mutLocal\" cannot be found: import"):
        pickle.loads(stored)


def test_node_is_no_deeper_for_being_called_through_an_operator(pair):
    for _ in range(20):
        mutDifference(pair[0], pair[1], copy.deepcopy(pair[0]))
    assert isinstance(pair[0].node, Node)
    assert pair[0].node.depth <= 4


# --- the layout ---


@dn.operator(parents=1)
def mutSecondParameter(rows, draw):
    first, second = draw.layout.sizes[:2]
    children = rows[0].clone()
    children[:, first : first + second] = 7.0
    return children


def test_a_core_knows_which_columns_are_which_parameter(individual_class, net):
    individual = dn.initWeights(individual_class, net, sigma=0.1)
    before = individual.state_dict()
    mutSecondParameter(individual)
    after = individual.state_dict()
    changed = [name for name in after if not torch.equal(before[name], after[name])]
    assert changed == ["0.bias"]
    assert bool((after["0.bias"] == 7.0).all())


@pytest.mark.parametrize(
    ("apply", "parameters"), [*OPERATORS, (dn.mutLowRank, {"sigma": 0.5, "rank": 1})]
)
def test_parameters_without_elements_change_nothing(apply, parameters):
    kept = {"0.weight": (4, 3), "0.bias": (4,), "2.weight": (2, 4), "2.bias": (2,)}
    empty = {"at": (0,), "of": (0, 5), "0.gain": (3, 0), "2.shift.weight": (0, 2)}
    more = {**empty, **kept, "last.weight": (0, 4), "last.bias": (0,)}
    layouts = [Layout(tuple(named), tuple(named.values())) for named in (kept, more)]
    rows = [torch.randn(5, 26) for _ in range(apply.parents)]
    seeds, settings = np.arange(5, dtype=np.uint64), apply.parameters(**parameters)
    without, beside = (apply.make(rows, seeds, settings, layout) for layout in layouts)
    assert torch.equal(without, beside)


def test_units_without_weights_are_crossed_by_their_biases():
    layout = Layout(("weight", "bias"), ((3, 0), (3,)))
    own, other = torch.zeros(50, 3), torch.ones(50, 3)
    seeds, settings = np.arange(50, dtype=np.uint64), dn.cxNeuron.parameters(indpb=0.5)
    child = dn.cxNeuron.make([own, other], seeds, settings, layout)
    assert child.unique(dim=0).shape == (8, 3)
