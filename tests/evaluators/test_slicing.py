"""More rows than go through at once: what is cut, and what must not be."""

import random

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

import deapnets as dn
from deapnets.evaluators import slicing, splits, supervised
from deapnets.evaluators.splits import Split

ROWS = 60
SLICE = 25


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch):
    monkeypatch.setattr(splits, "SLICE", SLICE)


class Steps(nn.Module):
    """A recurrent layer whose first dimension is time."""

    def __init__(self):
        super().__init__()
        self.layer, self.head = nn.RNN(3, 4), nn.Linear(4, 2)

    def forward(self, inputs):
        return self.head(self.layer(inputs)[0])


class Graph(nn.Module):
    """A graph whose nodes are the rows; its second input is the matrix of its edges."""

    def __init__(self):
        super().__init__()
        self.layer, self.head = nn.Linear(3, 4), nn.Linear(4, 2)

    def forward(self, nodes, edges):
        return self.head(edges @ torch.tanh(self.layer(edges @ nodes)))


class Several(nn.Module):
    """Two outputs in a dict; each row by itself."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, inputs):
        outputs = self.layer(inputs)
        return {"logits": outputs, "size": outputs.square().sum(1)}


class Centred(nn.Module):
    """Outputs less their mean over the rows; with weights of zero nothing is coupled."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)
        nn.init.zeros_(self.layer.weight)

    def forward(self, inputs):
        outputs = self.layer(inputs)
        return outputs - outputs.mean(0)


class Noisy(nn.Module):
    """Noise of its own for every row."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, inputs):
        return self.layer(inputs + torch.randn_like(inputs))


class InPlace(nn.Module):
    """Halves its inputs in place."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, inputs):
        return self.layer(inputs.mul_(0.5))


def norm():
    return nn.Sequential(
        nn.Linear(3, 4), nn.BatchNorm1d(4, track_running_stats=False), nn.Linear(4, 2)
    )


def plain():
    return nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2))


def root(outputs, targets):
    return F.mse_loss(outputs, targets).sqrt()


def rows_of(net, count=ROWS):
    """Return the inputs that a module takes, of another size at the end than in front."""
    rising = torch.linspace(0.1, 3, count)[:, None]
    if isinstance(net, Steps):
        return torch.randn(count, 5, 3)
    if isinstance(net, Graph):
        return torch.randn(count, 3), (torch.rand(count, count) < 0.1).float()
    return torch.randn(count, 3) * rising


def targets_like(net, inputs):
    several = inputs if isinstance(inputs, tuple) else (inputs,)
    with torch.no_grad():
        shape = net(*several).shape
    return torch.randn(shape) * torch.linspace(0.1, 3, shape[0]).reshape(
        -1, *[1] * (len(shape) - 1)
    )


def some(individual_class, net, count=3):
    return [dn.initWeights(individual_class, net, sigma=0.5) for _ in range(count)]


def expected(individual, net, inputs, targets, loss):
    several = inputs if isinstance(inputs, tuple) else (inputs,)
    with torch.no_grad():
        return float(loss(individual.module(net)(*several), targets))


# Losses


@pytest.mark.parametrize(
    "loss", [root, nn.MSELoss(reduction="sum"), nn.HuberLoss()], ids=["root", "sum", "mean"]
)
@pytest.mark.parametrize("make", [lambda: nn.Linear(3, 2), plain], ids=["chain", "other"])
def test_a_loss_of_ones_own_sees_all_rows_at_once(make, loss, individual_class):
    net = make()
    inputs = rows_of(net)
    targets = targets_like(net, inputs)
    task = dn.Supervised(net, inputs, targets, loss=loss, test=(inputs, targets))
    population = some(individual_class, net)
    scores = dn.PopulationMap(device="cpu")(task, population)
    for individual, (fitness,) in zip(population, scores, strict=True):
        value = expected(individual, net, inputs, targets, loss)
        assert fitness == pytest.approx(-value, rel=1e-5)
        assert task(individual) == pytest.approx((-value,), rel=1e-5)
        assert task.measure(individual)["test_loss"] == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize(
    "loss", [nn.CrossEntropyLoss(weight=torch.tensor([1.0, 5.0])), nn.CrossEntropyLoss()]
)
def test_weights_of_classes_and_rows_that_are_left_out_count_as_in_torch(loss, individual_class):
    net = nn.Linear(3, 2)
    inputs, targets = rows_of(net), (torch.arange(ROWS) > 40).long()
    targets[: SLICE + 1] = -100  # torch's mark: no target
    (individual,) = some(individual_class, net, 1)
    task = dn.Supervised(net, inputs, targets, loss=loss)
    assert task(individual)[0] == pytest.approx(-expected(individual, net, inputs, targets, loss))


def test_several_outputs_are_joined_each(individual_class):
    net = Several()
    inputs = rows_of(net)

    def loss(outputs, targets):
        assert outputs["logits"].shape == (ROWS, 2)
        return outputs["size"].std() + outputs["logits"].std() + targets.std()

    task = dn.Supervised(net, inputs, torch.randn(ROWS), loss=loss)
    (individual,) = some(individual_class, net, 1)
    value = expected(individual, net, inputs, task.splits.train.targets, loss)
    assert task(individual)[0] == pytest.approx(-value, rel=1e-5)


def test_accuracy_beside_a_loss_of_ones_own_is_that_of_all_rows(individual_class):
    net = nn.Linear(3, 2)
    inputs, targets = rows_of(net), torch.randint(2, (ROWS,))
    loss = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 5.0]))
    task = dn.Supervised(net, inputs, targets, loss=loss, fitness="accuracy")
    (individual,) = some(individual_class, net, 1)
    right = (individual.module(net)(inputs).argmax(1) == targets).double().mean()
    assert task(individual) == (float(right),)
    figures = task.measure(individual)
    assert figures["train_accuracy"] == float(right)
    value = expected(individual, net, inputs, targets, loss)
    assert figures["train_loss"] == pytest.approx(value, rel=1e-5)


def test_children_of_low_rank_are_scored_on_all_rows_too(individual_class):
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    inputs = rows_of(net)
    targets = targets_like(net, inputs)
    parent = dn.initWeights(individual_class, net, sigma=0.5)
    population = [parent.with_node(parent.node) for _ in range(5)]
    for child in population:
        dn.mutLowRank(child, sigma=0.5, rank=1)
    task = dn.Supervised(net, inputs, targets, loss=root)
    scores = dn.PopulationMap(device="cpu")(task, population)
    for child, (fitness,) in zip(population, scores, strict=True):
        value = expected(child, net, inputs, targets, root)
        assert fitness == pytest.approx(-value, rel=1e-5)


# Modules that couple rows


@pytest.mark.parametrize("make", [norm, Steps, Graph, Centred], ids=lambda make: make.__name__)
@pytest.mark.parametrize("loss", ["mse", root], ids=["mse", "root"])
def test_rows_that_a_module_couples_are_never_cut(make, loss, individual_class):
    net = make()
    inputs = rows_of(net)
    targets = targets_like(net, inputs)
    task = dn.Supervised(net, inputs, targets, loss=loss, test=(inputs, targets))
    population = some(individual_class, net)
    scores = dn.PopulationMap(device="cpu")(task, population)
    one = F.mse_loss if loss == "mse" else loss
    for individual, (fitness,) in zip(population, scores, strict=True):
        value = expected(individual, net, inputs, targets, one)
        assert fitness == pytest.approx(-value, rel=1e-4)
        assert task.measure(individual)["test_loss"] == pytest.approx(value, rel=1e-4)


def test_the_mistakes_are_those_of_all_rows(individual_class):
    net = norm()
    inputs, targets = rows_of(net), torch.randint(2, (ROWS,))
    (individual,) = some(individual_class, net, 1)
    task = dn.Supervised(net, inputs, targets)
    right = int((individual.module(net)(inputs).argmax(1) == targets).sum())
    confusion = task.mistakes(individual)["confusion"]
    assert confusion[0][0] + confusion[1][1] == right
    assert task(individual)[0] == pytest.approx(
        -expected(individual, net, inputs, targets, F.cross_entropy), rel=1e-5
    )


@pytest.mark.parametrize("rows", [ROWS, 130])
def test_a_readout_is_solved_on_features_of_all_rows(rows, individual_class, monkeypatch):
    net = norm()
    inputs, targets = rows_of(net, rows), torch.randint(2, (rows,))
    task = dn.Supervised(net, inputs, targets, readout="ridge", test=(inputs, targets))
    (individual,) = some(individual_class, net, 1)
    cut = task(individual), task.measure(individual)
    monkeypatch.setattr(splits, "SLICE", 1000)
    monkeypatch.setattr("deapnets.evaluators.readout._SLICE", 1000)
    whole = dn.Supervised(net, inputs, targets, readout="ridge", test=(inputs, targets))
    assert cut == (pytest.approx(whole(individual)), pytest.approx(whole.measure(individual)))


def test_worker_processes_cut_what_one_process_cuts(individual_class):
    net = norm()
    inputs = rows_of(net)
    targets = targets_like(net, inputs)
    task = dn.Supervised(net, inputs.repeat(40, 1), targets.repeat(40, 1), loss=nn.HuberLoss())
    population = some(individual_class, net, 6)
    mapping = dn.PopulationMap(device="cpu", engine="processes", workers=2)
    try:
        shared = mapping(task, population)
    finally:
        mapping.close()
    assert shared == dn.PopulationMap(device="cpu")(task, population)


@pytest.mark.parametrize("chunk", [1, 2, 7])
@pytest.mark.parametrize("make", [norm, plain], ids=["coupled", "apart"])
def test_chunks_change_no_bit(make, chunk, individual_class, monkeypatch):
    monkeypatch.setattr(slicing, "_TOGETHER", 6)  # two networks at once
    net = make()
    inputs = rows_of(net)
    targets = targets_like(net, inputs)
    population = some(individual_class, net, 7)
    for loss in ("mse", root):
        task = dn.Supervised(net, inputs, targets, loss=loss)
        alone = [task(individual) for individual in population]
        assert dn.PopulationMap(device="cpu", chunk=chunk)(task, population) == alone


def test_as_many_fewer_networks_as_more_rows_stay_together(individual_class, monkeypatch):
    monkeypatch.setattr(slicing, "_TOGETHER", 6)
    net = norm()
    inputs = rows_of(net)
    seen = []
    task = dn.Supervised(
        net, inputs, targets_like(net, inputs), loss=lambda o, t: seen.append(len(o)) or o.mean()
    )
    mapping = dn.PopulationMap(device="cpu")
    mapping(task, some(individual_class, net, 5))
    assert seen == [ROWS] * 5
    assert mapping.forwards == 5 * ROWS
    assert slicing.networks_at_once(ROWS) == 2
    assert slicing.networks_at_once(10**9) == 1


# The trial


def tried(net, count=40):
    inputs = rows_of(net, count)
    several = inputs if isinstance(inputs, tuple) else (inputs,)
    split = Split(several[0], torch.zeros(count), several[1:])
    return slicing.are_apart(net, split, torch.device("cpu"))


@pytest.mark.parametrize("make", [plain, Several, InPlace], ids=lambda make: make.__name__)
def test_rows_that_are_apart_are_found_so(make):
    assert tried(make())


@pytest.mark.parametrize("make", [norm, Steps, Graph, Centred, Noisy], ids=lambda m: m.__name__)
@pytest.mark.parametrize("count", [1, 2, 3, 16, 40])
def test_rows_that_are_coupled_are_found_so(make, count):
    assert not tried(make(), count)


def test_rows_that_are_alike_show_that_a_module_couples_them():
    rows = torch.zeros(ROWS, 3)
    assert not slicing.are_apart(norm(), Split(rows, torch.zeros(ROWS)), torch.device("cpu"))


def test_a_trial_leaves_module_rows_and_generators_as_they_were():
    net = InPlace()
    rows = torch.randn(40, 3)
    before = rows.clone(), net.layer.weight.clone(), torch.get_rng_state(), random.getstate()
    assert slicing.are_apart(net, Split(rows, torch.zeros(40)), torch.device("cpu"))
    assert torch.equal(rows, before[0])
    assert torch.equal(net.layer.weight, before[1])
    assert net.layer.weight.requires_grad
    assert torch.equal(torch.get_rng_state(), before[2])
    assert random.getstate() == before[3]


@pytest.mark.parametrize(("rows", "trials"), [(SLICE, 0), (SLICE + 1, 1)])
def test_a_module_is_tried_once_and_only_before_a_cut(rows, trials, individual_class, monkeypatch):
    calls = []
    monkeypatch.setattr(supervised, "are_apart", lambda *_: calls.append(1) or True)
    net = plain()
    inputs, targets = rows_of(net, rows), torch.zeros(rows, dtype=torch.int64)
    task = dn.Supervised(net, inputs, targets, test=(inputs, targets))
    for individual in some(individual_class, net):
        task(individual)
        task.measure(individual)
    assert len(calls) == trials


def test_a_chain_is_not_tried(individual_class, monkeypatch):
    monkeypatch.setattr(supervised, "are_apart", None)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    task = dn.Supervised(net, rows_of(net), torch.zeros(ROWS, dtype=torch.int64))
    for individual in some(individual_class, net):
        task(individual)
