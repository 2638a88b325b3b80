"""The evaluator cifar: training, inheritance, data, and a search from the command line."""

from __future__ import annotations

import copy
import gzip
import json
import pickle
import re

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch.optim.optimizer import register_optimizer_step_post_hook

import deapnets as dn
from deapnets.cli import main
from deapnets.errors import DataError, OptionError
from deapnets.testing import ArchitectureContract

evaluators = pytest.importorskip(
    "deapnets_cifar.evaluator", reason="deapnets-cifar is not installed"
)
datasets = pytest.importorskip("deapnets_cifar.datasets")
training = pytest.importorskip("deapnets_cifar.training")
Cifar = evaluators.Cifar


@pytest.fixture(scope="module")
def digits():
    return Cifar(dataset="digits", epochs=8)


class TestCifar(ArchitectureContract):
    cases = [
        (Cifar, {"dataset": "digits", "epochs": 2, "space": "graph"}),
        (Cifar, {"dataset": "digits", "epochs": 2, "space": "cell", "width": 2}),
    ]


CELL = "|nor_conv_3x3~0|+|none~0|none~1|+|nor_conv_1x1~0|nor_conv_1x1~1|none~2|"
SMALL = "lr=0.1 0:linear 1:relu 2:linear 0-1:conv3x3x16/2 1-2:identity"


def test_a_linear_classifier_learns_digits_and_a_convolution_learns_them_better(digits):
    space = digits.space()
    linear = digits.outcome(dn.initGraph(dn.GraphGenome, space), 8.0, 1)
    small = digits.outcome(space.parse(SMALL), 8.0, 1)
    assert 0.9 < linear.values[0] < small.values[0]
    assert small.values[0] > 0.95
    assert linear.records == {"epochs": 8.0, "parameters": 650}
    assert linear.seconds > 0


def test_a_training_is_of_its_seed_alone(digits):
    genome = digits.space().parse(SMALL)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = digits.outcome(genome, 1.0, 5).values
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert digits.outcome(genome, 1.0, 5).values == first
    assert {digits.outcome(genome, 1.0, seed).values for seed in (6, 7, 8)} != {first}


def test_a_child_goes_on_with_its_parents_weights():
    accuracies = {}
    for inherit in (True, False):
        evaluator = Cifar(dataset="digits", epochs=8, inherit=inherit)
        parent = evaluator.space().parse(SMALL)
        evaluator.outcome(parent, 8.0, 1)
        child = copy.deepcopy(parent)
        child.parent = parent.key
        child.genes = evaluator.space().parse_genes(SMALL.replace("lr=0.1", "lr=0.05"))
        outcome = evaluator.outcome(child, 0.25, 2)
        accuracies[inherit] = outcome.values[0]
        assert outcome.records["epochs"] == (8.25 if inherit else 0.25)
    assert accuracies[True] > accuracies[False] + 0.2


def test_fresh_weights_are_not_inherited(digits):
    parent = digits.space().parse(SMALL)
    digits.outcome(parent, 1.0, 1)
    child = digits.space().parse(SMALL.replace("lr=0.1", "lr=0.1 fresh"))
    child.parent = parent.key
    assert digits.outcome(child, 1.0, 1).records["epochs"] == 1.0


def test_what_was_inserted_is_new_and_what_follows_is_inherited():
    space = dn.GraphSpace((1, 8, 8))
    parent = space.parse(SMALL).module()
    longer = "lr=0.1 0:linear 1:relu 2:relu 3:linear 0-1:conv3x3x16/2 1-2:conv3x3x16/1 2-3:identity"
    child = space.parse(longer).module()
    assert training.inherit(child, parent) == 3
    assert torch.equal(child.head.weight, parent.head.weight)
    assert torch.equal(child.edges[0][0].weight, parent.edges[0][0].weight)


@pytest.mark.parametrize("space", ["cell", "nb201"])
def test_cells_are_trained_too(space):
    evaluator = Cifar(dataset="digits", space=space, epochs=1, width=4)
    individual = dn.initCell(dn.CellGenome, evaluator.space())
    while "out(0)" in individual.canonical:
        dn.mutCell(individual)
    outcome = evaluator.outcome(individual, 0.25, 1)
    assert 0.0 < outcome.values[0] < 1.0
    assert outcome.records["parameters"] == individual.parameters(channels=1)


def test_what_has_no_path_cannot_be_trained_and_says_why():
    evaluator = Cifar(dataset="digits", space="nb201", epochs=1)
    outcome = evaluator.outcome(dn.CellGenome(evaluator.space(), (0,) * 6), 1.0, 1)
    assert outcome.values == (0.0,)
    assert "no path leads from the input" in outcome.records["infeasible"]


def test_a_candidate_that_diverges_is_counted(digits):
    outcome = digits.outcome(digits.space().parse(SMALL.replace("0.1", "1e12")), 2.0, 1)
    assert outcome.values == (0.0,)
    assert "not finite" in outcome.records["infeasible"]


def test_what_is_measured_is_the_network_that_was_trained(digits):
    genome = digits.space().parse(SMALL)
    digits.outcome(genome, 8.0, 1)
    measured = digits.measure(genome)
    assert measured["test_accuracy"] > 0.93
    assert measured["parameters"] == genome.parameters()
    other = Cifar(dataset="digits", epochs=2)
    assert other.measure(genome) == other.measure(genome)


def test_mistakes_are_those_of_the_network_that_is_measured(digits):
    evaluator = Cifar(space="nb201", dataset="digits", epochs=1, stack=1, width=4)
    individual = evaluator.space().parse(CELL)
    figures = evaluator.measure(individual)
    found = evaluator.mistakes(individual)
    right = sum(row[at] for at, row in enumerate(found["confusion"]))
    assert (found["split"], found["rows"]) == ("test", 360)
    assert right / 360 == pytest.approx(figures["test_accuracy"])


def test_the_evaluator_travels_without_images_and_weights(digits):
    digits.outcome(digits.space().parse(SMALL), 1.0, 1)
    assert len(pickle.dumps(digits)) < 2000


def test_weights_that_are_inherited_are_part_of_the_state():
    from deapnets.runs.packing import pack, unpack

    first, second = (Cifar(dataset="digits", epochs=4) for _ in range(2))
    parent = first.space().parse(SMALL)
    first.outcome(parent, 4.0, 1)
    second.load_state_dict(unpack(pack(first.state_dict())))
    child = first.space().parse(SMALL.replace("lr=0.1", "lr=0.05"))
    child.parent = parent.key
    assert first.outcome(child, 0.25, 2).records == second.outcome(child, 0.25, 2).records
    assert first.outcome(child, 0.25, 2).values == second.outcome(child, 0.25, 2).values
    assert first.measure(parent) == second.measure(parent)


@pytest.mark.parametrize("space", ["graph", "nb201"])
def test_averaged_weights_are_those_computed_by_hand(space):
    evaluator = Cifar(dataset="digits", space=space, stack=1, width=2)
    individual = evaluator.space().parse(SMALL if space == "graph" else CELL)
    torch.manual_seed(1)
    net, passed = evaluator._made(individual), []
    hook = register_optimizer_step_post_hook(
        lambda *_: passed.append({k: v.clone() for k, v in net.state_dict().items()})
    )
    how = {"epochs": 2.0, "rate": 0.1, "seed": 1, "device": torch.device("cpu")}
    training.train(net, evaluator.images, ema=0.25, **how)
    hook.remove()
    horizon = 0.25 * len(passed)
    average = dict(passed[0])
    for weights in passed[1:]:
        for name, value in weights.items():
            average[name] = average[name] + (value - average[name]) / horizon
    floating = [name for name, value in passed[0].items() if value.is_floating_point()]
    for name in floating:
        torch.testing.assert_close(net.state_dict()[name], average[name], rtol=1e-4, atol=1e-5)
    assert any(not torch.allclose(average[n], passed[-1][n], rtol=1e-2) for n in floating)
    assert not any(parameter.grad_fn for parameter in net.parameters())


def test_averages_decide_what_is_evaluated_and_of_too_few_steps_there_are_none():
    plain, averaged = (Cifar(dataset="digits", epochs=8, ema=ema) for ema in (0.0, 0.5))
    genome = plain.space().parse(SMALL)
    assert plain.outcome(genome, 2.0, 1).values != averaged.outcome(genome, 2.0, 1).values
    assert plain.outcome(genome, 0.25, 1).values == averaged.outcome(genome, 0.25, 1).values


def test_images_are_moved_and_mirrored_and_nothing_else():
    data = datasets.load_digits()._replace(shift=1, mirror=True)
    image = torch.arange(64.0).reshape(1, 1, 8, 8).repeat(400, 1, 1, 1)
    varied = training._varied(image, data, torch.Generator().manual_seed(1))
    padded = torch.nn.functional.pad(image[:1], (1,) * 4, mode="replicate")[0, 0]
    wanted = {
        tuple(window.flatten().tolist())
        for top in range(3)
        for left in range(3)
        for window in [padded[top : top + 8, left : left + 8]]
        for window in (window, window.flip(1))
    }
    assert {tuple(one.flatten().tolist()) for one in varied} == wanted


def record(label, value):
    return bytes([label]) + bytes([value]) * 3072


@pytest.fixture
def cifar_folder(tmp_path):
    """Return a folder of made-up images in CIFAR-10's binary format, some of them compressed."""
    rng = np.random.default_rng(1)
    for number in range(1, 6):
        content = b"".join(record(int(rng.integers(10)), number) for _ in range(20))
        compressed = number % 2 == 0
        name = f"data_batch_{number}.bin" + (".gz" if compressed else "")
        (tmp_path / name).write_bytes(gzip.compress(content) if compressed else content)
    (tmp_path / "test_batch.bin").write_bytes(record(3, 255) * 7)
    return tmp_path


def test_cifar10_is_read_from_its_binary_files(cifar_folder):
    data = datasets.load_cifar10(cifar_folder)
    assert [len(part.labels) for part in data[:3]] == [50, 50, 7]
    assert data.shape == (3, 32, 32)
    white = (1.0 - torch.tensor([0.4914, 0.4822, 0.4465])) / torch.tensor([0.2470, 0.2435, 0.2616])
    torch.testing.assert_close(data.test.inputs[0, :, 5, 5], white)
    assert data.test.labels.tolist() == [3] * 7


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (record(1, 0)[:-1], "3,072 bytes are no multiple of 3,073"),
        (b"", "0 bytes are no multiple"),
        (record(11, 0), "a label is 11, above 9"),
    ],
)
def test_a_damaged_file_is_named(cifar_folder, content, message):
    (cifar_folder / "test_batch.bin").write_bytes(content)
    with pytest.raises(DataError, match=f"test_batch.bin is damaged: {message}"):
        datasets.load_cifar10(cifar_folder)
    (cifar_folder / "test_batch.bin").unlink()
    with pytest.raises(DataError, match=r"test_batch.bin is missing, and test_batch.bin.gz is too"):
        datasets.load_cifar10(cifar_folder)
    (cifar_folder / "test_batch.bin.gz").write_bytes(gzip.compress(record(1, 1))[:20])
    with pytest.raises(DataError, match=r"test_batch.bin.gz is damaged"):
        datasets.load_cifar10(cifar_folder)


def test_without_data_and_network_it_is_said_what_to_do(monkeypatch, tmp_path):
    monkeypatch.delenv("DEAPNETS_DATA", raising=False)
    monkeypatch.setenv("DEAPNETS_CIFAR10_MIRROR", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path)
    datasets.load_cifar10.cache_clear()
    with pytest.raises(DataError, match=r"the download failed .* -o dataset=digits, which needs"):
        Cifar().open()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"space": "grap"}, 'Unknown space "grap". Did you mean "graph"?'),
        ({"dataset": "cifar"}, 'Unknown dataset "cifar". Did you mean "cifar10"?'),
        ({"ema": 1.5}, "ema is a part of a training in [0, 1], got 1.5."),
        ({"epochs": 0}, "epochs is at least 1, rate above 0; got 0 and 0.1."),
        ({"dataset": "digits", "data": "here"}, "dataset=digits is bundled"),
    ],
)
def test_options_that_cannot_be_are_refused(options, message):
    with pytest.raises(OptionError, match=re.escape(message)):
        Cifar(**options)


def test_a_search_grows_a_network_from_the_command_line(tmp_path):
    out = tmp_path / "run"
    arguments = ["run", "cifar", "--algorithm", "aging", "-o", "dataset=digits", "-o", "epochs=2"]
    more = ["-a", "population=5", "-a", "tournsize=3", "--evaluations", "24", "--seed", "1"]
    result = CliRunner().invoke(main, [*arguments, *more, "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["evaluations"] == 24
    assert found["metrics"]["test_accuracy"] > 0.85
    best = json.loads((out / "best.json").read_text())
    assert best["architecture"].startswith("lr=")


def test_graphs_on_worker_processes_inherit_what_they_inherit_here(tmp_path):
    found = []
    for engine in ("serial", "processes"):
        out = tmp_path / engine
        words = ["run", "cifar", "--algorithm", "aging", "-o", "dataset=digits", "-o", "epochs=1"]
        words += ["-a", "population=4", "-a", "tournsize=3", "-a", "window=3", "--seed", "1"]
        words += ["--evaluations", "16", "--engine", engine, "--out", str(out)]
        workers = ["--workers", "2"] if engine == "processes" else []
        result = CliRunner().invoke(main, [*words, *workers])
        assert result.exit_code == 0, result.output
        lines = (out / "log.jsonl").read_text().splitlines()
        trace = (out / "trace.jsonl").read_text().splitlines()
        networks = [one for line in trace for one in json.loads(line)["networks"]]
        best = json.loads((out / "result.json").read_text())["metrics"]
        figures = [[json.loads(line)[name] for name in ("best", "mean")] for line in lines]
        found.append(([[one[3], one[6]] for one in networks], best, figures))
    assert found[0] == found[1]
