"""A run's best network as a file, read back by whoever reads such files, and asked about images."""

from __future__ import annotations

import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from safetensors.torch import load_file

import deapnets as dn
from deapnets.cli import main
from deapnets.errors import DataError, DeapnetsError, OptionError, RunError
from deapnets.evaluators.xor import Xor
from deapnets.runs import exporting
from deapnets.runs.directory import RunDirectory
from deapnets.runs.exporting import Best, best_network, export
from deapnets.runs.predicting import predict

mnist = pytest.importorskip("deapnets_mnist.evaluator", reason="deapnets-mnist is not installed")


def run(*words: str) -> None:
    result = CliRunner().invoke(main, ["run", *words, "--seed", "1", "--json", "--device", "cpu"])
    assert result.exit_code == 0, result.output


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run on digits of 8x8."""
    path = tmp_path_factory.mktemp("runs") / "digits"
    options = ["-o", "dataset=digits", "-o", "network=mlp-8", "-o", "pixels=unit"]
    run("mnist", *options, "--generations", "30", "--population", "50", "--out", str(path))
    return path


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run whose last layer is no part of what is evolved."""
    path = tmp_path_factory.mktemp("runs") / "solved"
    options = ["-o", "dataset=digits", "-o", "network=conv-4", "-o", "readout=ridge"]
    run("mnist", *options, "--population", "4", "--generations", "2", "--out", str(path))
    return path


@pytest.fixture(scope="module")
def best(finished: Path) -> Best:
    return best_network(RunDirectory.open(finished))


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    """Return the first ten of scikit-learn's digits, bytes ``[10, 8, 8]``, their class in order."""
    from sklearn.datasets import load_digits

    return (load_digits().images[:10] * 255 / 16).round().astype(np.uint8)


def picture(path: Path, values: np.ndarray, scale: int = 1) -> str:
    image = Image.fromarray(values)
    image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST).save(path)
    return str(path)


# --- the network ---


def test_the_best_network_has_the_accuracy_of_the_result(finished, best):
    splits = best.evaluator.splits
    with torch.no_grad():
        right = best.network(splits.test.inputs).argmax(1) == splits.test.targets
    result = json.loads((finished / "result.json").read_text())
    assert float(right.double().mean()) == pytest.approx(result["metrics"]["test_accuracy"])


def test_a_solved_readout_is_part_of_the_network(solved):
    best = best_network(RunDirectory.open(solved))
    splits = best.evaluator.splits
    with torch.no_grad():
        right = best.network(splits.test.inputs).argmax(1) == splits.test.targets
    assert float(right.double().mean()) > 0.9


# --- files ---


@pytest.mark.parametrize("ending", ["safetensors", "pt2", "onnx"])
def test_what_is_written_computes_what_the_run_found(best, tmp_path, ending):
    if ending == "onnx":
        pytest.importorskip("onnxscript", reason="needs deapnets[onnx]")
        runtime = pytest.importorskip("onnxruntime", reason="needs deapnets[onnx]")
    path = tmp_path / f"digits.{ending}"
    done = export(best, path, count=20)
    assert (done.weights, done.inputs) == (610, 20)
    assert done.difference < 1e-4
    assert done.takes == "float32 [n, 1, 8, 8] from 0 to 1"
    inputs = best.evaluator.splits.train.inputs[:7]  # of another number than it was written with
    if ending == "safetensors":
        other = best.evaluator.module()
        other.load_state_dict(load_file(path))
        outputs = other(inputs)
    elif ending == "pt2":
        outputs = torch.export.load(path).module()(inputs)
    else:
        session = runtime.InferenceSession(str(path))
        outputs = torch.from_numpy(session.run(None, {"inputs": inputs.numpy()})[0])
    torch.testing.assert_close(outputs, best.network(inputs), rtol=1e-4, atol=1e-4)


def test_a_file_that_computes_something_else_is_told(best, tmp_path, monkeypatch):
    def wrong(best, path, examples):
        return lambda inputs: best.network(inputs) + 0.1

    monkeypatch.setitem(exporting._WRITERS, ".pt2", wrong)
    said = "computes something else than the run's network: outputs differ by up to 0.1 on 100 real"
    with pytest.raises(RunError, match=re.escape(said)):
        export(best, tmp_path / "wrong.pt2")


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("net.h5", OptionError, 'Unknown ending ".h5". Valid: .onnx, .pt2, .safetensors.'),
        ("net", OptionError, 'Unknown ending "".'),
        ("there.pt2", RunError, "there.pt2 is there already. --force writes over it."),
        ("no/where.pt2", RunError, "to write where.pt2 to."),
    ],
)
def test_a_file_that_cannot_be_is_refused(best, tmp_path, name, kind, message):
    (tmp_path / "there.pt2").touch()
    with pytest.raises(kind, match=re.escape(message)):
        export(best, tmp_path / name)


def test_a_missing_package_names_the_extra(best, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(OptionError, match=re.escape('pip install "deapnets[onnx]"')):
        export(best, tmp_path / "net.onnx")


class Weights(dn.Evaluator):
    """No inputs at all."""

    def __init__(self):
        self.net = torch.nn.Linear(3, 1)

    def genome(self):
        return self.net

    def evaluate(self, networks):
        return networks.weights().sum(1)


def test_without_inputs_weights_alone_can_be_written(tmp_path):
    best = Best(Weights(), torch.nn.Linear(3, 1))
    assert export(best, tmp_path / "net.safetensors").inputs == 0
    with pytest.raises(DataError, match=r"define examples, or export \.safetensors"):
        export(best, tmp_path / "net.pt2")


def test_tied_parameters_are_written_under_each_of_their_names(tmp_path):
    net = torch.nn.Sequential(torch.nn.Embedding(5, 3), torch.nn.Linear(3, 5, bias=False))
    net[1].weight = net[0].weight
    assert export(Best(Weights(), net), tmp_path / "net.safetensors").weights == 15
    written = load_file(tmp_path / "net.safetensors")
    assert list(written) == ["0.weight", "1.weight"]
    assert all(torch.equal(value, net[0].weight) for value in written.values())


def test_a_module_that_torch_cannot_follow_is_one_line(tmp_path):
    class Branching(torch.nn.Module):
        def forward(self, inputs):
            return inputs * 2 if inputs.sum() > 0 else inputs

    best = Best(Xor(), Branching())
    with pytest.raises(RunError, match="torch cannot follow the computation of thi") as caught:
        export(best, tmp_path / "net.pt2")
    assert "\n" not in str(caught.value)


def test_runs_without_a_network_say_so(finished, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(finished, bare)
    (bare / "best.safetensors").unlink()
    with pytest.raises(RunError, match=r"has no best\.safetensors: the run saved no network yet"):
        best_network(RunDirectory.open(bare))
    (bare / "best.safetensors").write_bytes(b"\x00" * 20)
    with pytest.raises(RunError, match=r"best\.safetensors cannot be read: "):
        best_network(RunDirectory.open(bare))
    run("bitstring", "--algorithm", "random", "--evaluations", "200", "--out", f"{tmp_path}/bits")
    with pytest.raises(RunError, match="searched structures, and kept the weights of none"):
        best_network(RunDirectory.open(tmp_path / "bits"))


# --- images ---


def test_pictures_idx_and_npy_files_of_one_digit_are_answered_alike(best, digits, tmp_path):
    from deapnets.files.idx import encode_idx

    np.save(tmp_path / "digits.npy", digits)
    (tmp_path / "digits-idx3-ubyte").write_bytes(encode_idx(digits))
    files = [
        picture(tmp_path / "grey.png", digits[7]),
        picture(tmp_path / "colour.png", np.repeat(digits[7][..., None], 3, 2)),
        picture(tmp_path / "large.png", digits[7], scale=3),
    ]
    arrays = [str(tmp_path / "digits.npy"), str(tmp_path / "digits-idx3-ubyte")]
    found = predict(best, [*files, *arrays])
    assert len(found.answers) == 3 + 20
    expected = pytest.approx(found.answers[0].outputs, rel=1e-4, abs=1e-5)
    for answer in (*found.answers[1:3], found.answers[3 + 7], found.answers[13 + 7]):
        assert answer.outputs == expected
    assert found.answers[3 + 7].source == "digits.npy[7]"
    assert found.steps[files[0]] == ["from 8x8 pixels", "divided by 255"]
    assert found.steps[files[1]] == ["from 8x8 pixels", "colours to grey", "divided by 255"]
    assert found.steps[files[2]] == ["from 24x24 pixels", "averaged down to 8x8", "divided by 255"]
    assert found.remarks == []


def test_probabilities_are_those_of_the_network(best, digits, tmp_path):
    (answer,) = predict(best, [picture(tmp_path / "3.png", digits[3])]).answers
    with torch.no_grad():
        chances = best.network(torch.from_numpy(digits[3])[None, None] / 255).softmax(1)[0]
    assert answer.label == int(chances.argmax())
    assert answer.probability == pytest.approx(float(chances.max()), rel=1e-5)


def test_black_on_white_is_noticed_and_turned_round(best, digits, tmp_path):
    file = picture(tmp_path / "ink.png", 255 - digits[5])
    found = predict(best, [file])
    assert "Is it black on white? --invert turns it round." in found.remarks[0]
    turned = predict(best, [file], invert=True)
    right = predict(best, [picture(tmp_path / "5.png", digits[5])])
    assert turned.answers[0].outputs == right.answers[0].outputs
    assert turned.steps[file][0] == "inverted"
    assert turned.remarks == []


def test_black_on_white_is_noticed_where_inputs_lie_round_zero(digits, tmp_path):
    task = mnist.Mnist(dataset="digits", network="strided-2")
    best = Best(task, task.genome().eval())
    ink, white = (picture(tmp_path / f"{k}.png", digits[5] ^ k) for k in (255, 0))
    assert "Is it black on white?" in predict(best, [ink]).remarks[0]
    assert predict(best, [white]).remarks == []


def test_what_is_transparent_counts_as_black(best, digits, tmp_path):
    layers = np.zeros((8, 8, 4), np.uint8)
    layers[..., :3], layers[..., 3] = 255, digits[2]
    found = predict(best, [picture(tmp_path / "layers.png", layers)])
    right = predict(best, [picture(tmp_path / "2.png", digits[2])])
    assert found.answers[0].outputs == pytest.approx(right.answers[0].outputs, abs=0.02)


def npy(values: object) -> bytes:
    file = io.BytesIO()
    np.save(file, np.asarray(values))
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.png", None, "There is no file "),
        ("text.png", b"hello", "is no picture that can be read: "),
        ("text.npy", b"hello", "is no array that can be read: "),
        ("pickle.npy", npy({}), "is no array that can be read: "),
        ("flat.npy", npy([1.0, 2.0]), "holds an array [2]; expected rows [n, ...], at least one."),
        ("other.npy", npy(np.zeros((2, 5))), "takes arrays [n, 1, 8, 8], got [2, 5]."),
        ("small.npy", npy(np.zeros((1, 4, 4), np.uint8)), "small.npy: "),
        ("text.bin", b"hello", "not an IDX file"),
    ],
)
def test_a_file_that_cannot_be_asked_about_is_one_line(best, tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DeapnetsError, match=re.escape(message)) as caught:
        predict(best, [str(tmp_path / name)])
    assert "\n" not in str(caught.value)


def test_floats_cannot_be_inverted(best, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((1, 1, 8, 8)))
    with pytest.raises(DataError, match="holds float64: only bytes from 0 to 255 can be inverted"):
        predict(best, [str(tmp_path / "x.npy")], invert=True)


def test_outputs_that_are_no_classes_are_told_as_they_are(tmp_path):
    inputs = torch.linspace(-1, 1, 9)[:, None]
    task = dn.Supervised(torch.nn.Linear(1, 1), inputs, 2 * inputs, loss="mse")
    np.save(tmp_path / "x.npy", np.zeros((2, 1)))
    answers = predict(Best(task, task.genome()), [str(tmp_path / "x.npy")]).answers
    bias = float(task.genome().bias.detach())
    assert [answer.outputs for answer in answers] == [[pytest.approx(bias)]] * 2
    assert {answer.label for answer in answers} == {None}


# --- the commands ---


def invoke(*words: str) -> str:
    result = CliRunner().invoke(main, list(words))
    assert result.exit_code == 0, result.output
    return result.output


def test_the_commands_say_what_they_did(finished, digits, tmp_path):
    file = str(tmp_path / "digits.safetensors")
    said = invoke("export", str(finished), file)
    assert said.startswith(f"{file}: 610 weights.\nRead back and compared with the run's netwo")
    assert json.loads(invoke("export", str(finished), file, "--force", "--json"))["inputs"] == 100
    pictured = picture(tmp_path / "4.png", digits[4])
    said = invoke("predict", str(finished), pictured)
    assert said.startswith("preprocessing: from 8x8 pixels, divided by 255\n  4.png ")
    assert re.search(r"class \d, \d+\.\d %\n$", said)
    answers = json.loads(invoke("predict", str(finished), pictured, "--json"))["answers"]
    assert len(answers[0]["outputs"]) == 10
