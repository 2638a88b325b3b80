"""``deapnets doctor``: what is missing is told with what mends it; what is wrong, too."""

from __future__ import annotations

import json
from importlib import metadata

import pytest
from click.testing import CliRunner

from deapnets.checking import diagnosis
from deapnets.checking.checks import Check
from deapnets.checking.diagnosis import Finding, diagnose
from deapnets.cli import main
from deapnets.plugins import EVALUATORS, FoundPlugin


@pytest.fixture(autouse=True)
def _no_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every plugin for sound: `deapnets.checking` has tests of its own."""
    monkeypatch.setattr(
        diagnosis, "check", lambda plugins: [Check(one, "usable", 0.1) for one in plugins]
    )


def findings(topic: str) -> list[Finding]:
    return [finding for finding in diagnose() if finding.topic == topic]


def without(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    version = metadata.version

    def missing(name: str) -> str:
        if name in names:
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, "version", missing)


def test_versions_threads_and_devices_are_told() -> None:
    said = {finding.text.split()[0] for finding in findings("version")}
    assert {"deapnets", "deap", "torch", "numpy"} <= said
    (threads,) = findings("threads")
    assert threads.state == "ok"
    assert findings("device")


def test_nothing_is_wrong_here() -> None:
    assert [finding for finding in diagnose() if finding.state == "wrong"] == []


def test_a_package_that_is_missing_is_wrong_and_told_with_what_installs_it(monkeypatch) -> None:
    without(monkeypatch, "scipy")
    wrong = [finding for finding in findings("version") if finding.state == "wrong"]
    assert Finding("version", "wrong", "scipy is not installed", "pip install scipy") in wrong
    asked = [finding for finding in wrong if finding.text.startswith("deapnets needs scipy")]
    assert asked[0].remedy.startswith('pip install "scipy')


def test_an_extra_that_is_missing_may_stay_so(monkeypatch) -> None:
    without(monkeypatch, "tensorboard")
    missing = {finding.remedy for finding in findings("extra") if finding.state == "missing"}
    assert 'pip install "deapnets[tensorboard]"' in missing


def test_a_torch_that_cannot_be_used_is_told(monkeypatch) -> None:
    import torch

    def broken(*sizes: int) -> None:
        raise OSError("libcudart.so: cannot open")

    monkeypatch.setattr(torch, "ones", broken)
    (found,) = findings("torch")
    assert found.text == "torch cannot be used: OSError: libcudart.so: cannot open"
    assert found.remedy == "pip install --force-reinstall torch"


def test_a_driver_without_a_device_is_told(monkeypatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(diagnosis.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    (found,) = findings("device")
    assert found.state == "missing"
    assert "https://pytorch.org/get-started" in found.remedy


def test_little_memory_and_a_folder_that_cannot_be_written_are_told(monkeypatch) -> None:
    def refused(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(diagnosis, "_LITTLE", 1 << 60)
    monkeypatch.setattr(diagnosis.tempfile, "TemporaryFile", refused)
    (memory,), (runs,) = findings("memory"), findings("runs")
    assert memory.remedy == "deapnets run ... --memory 500MB"
    assert runs.text.endswith("cannot be written: Permission denied")
    assert runs.remedy == "deapnets run ... --out DIR"


def test_data_are_where_the_variable_says_or_told_to_be_missing(monkeypatch, tmp_path) -> None:
    pytest.importorskip("deapnets_cifar")
    pytest.importorskip("deapnets_mnist")
    monkeypatch.setenv("DEAPNETS_DATA", str(tmp_path))
    (tmp_path / "cifar10").mkdir()
    for name in (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"):
        (tmp_path / "cifar10" / name).touch()
    found = {finding.text.partition(":")[0]: finding for finding in findings("data")}
    assert found["cifar"] == Finding("data", "ok", f"cifar: {tmp_path / 'cifar10'}")
    assert found["nasbench201"].state == "missing"
    assert found["mnist"].state == "ok"  # it can be downloaded
    assert "xor" not in found
    monkeypatch.delenv("DEAPNETS_DATA")
    found = {finding.text.partition(":")[0]: finding for finding in findings("data")}
    assert "on first use; -o dataset=digits needs none" in found["cifar"].text


def test_a_variable_that_names_no_folder_is_wrong(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("DEAPNETS_DATA", str(tmp_path / "none"))
    first = findings("data")[0]
    assert (first.state, first.remedy) == (
        "wrong",
        f"mkdir {tmp_path / 'none'}, or unset DEAPNETS_DATA",
    )


def test_plugins_that_cannot_be_used_are_told_and_contracts_are_not(monkeypatch) -> None:
    def plugin(name: str) -> FoundPlugin:
        return FoundPlugin(name, EVALUATORS, "dist", "1.0", "a:A")

    checks = [
        Check(plugin("sound"), "usable", 0.1),
        Check(plugin("odd"), "usable", 0.1, None, ("no docstring",)),
        Check(plugin("broken"), "found", 0.1, "It cannot be loaded."),
        Check(plugin("lacks"), "found", 0.1, 'No module x. Try: pip install "dist[x]"'),
        Check(plugin("old"), "usable", 0.1, None, (), ("It needs a>2: pip install a",)),
    ]
    monkeypatch.setattr(diagnosis, "check", lambda plugins: checks)
    first, *rest = findings("plugins")
    assert first.text == "3 of 5 can be used, from 1 distributions"
    assert [(finding.state, finding.remedy) for finding in rest] == [
        ("wrong", "deapnets plugins check dist:broken"),
        ("missing", 'pip install "dist[x]"'),
        ("wrong", "pip install a"),
    ]


def test_a_plugin_that_another_process_could_not_make_is_not_made_here(monkeypatch) -> None:
    """One that hangs, or ends its process, would be the end of the diagnosis."""

    class Fatal(FoundPlugin):
        def load(self) -> None:
            raise AssertionError("it was loaded here")

    fatal = Fatal("fatal", EVALUATORS, "dist", "1.0", "a:A")
    said = "Evaluator did not come back within 30 s, and was stopped."
    monkeypatch.setattr(diagnosis, "check", lambda plugins: [Check(fatal, "found", 30.0, said)])
    assert [finding.text for finding in findings("plugins")][1:] == [said]


def test_the_command_has_an_exit_code_and_prints_remedies(monkeypatch, tmp_path) -> None:
    sound = CliRunner().invoke(main, ["doctor"])
    assert sound.exit_code == 0, sound.output
    assert sound.output.endswith("Everything that is needed works.\n")
    monkeypatch.setenv("DEAPNETS_DATA", str(tmp_path / "none"))
    monkeypatch.setenv("COLUMNS", "60")
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 1
    assert f"-> mkdir {tmp_path / 'none'}, or unset DEAPNETS_DATA\n" in result.output
    assert result.output.endswith("1 thing(s) to mend.\n")
    found = json.loads(CliRunner().invoke(main, ["doctor", "--json"]).output)
    assert {"topic", "state", "text", "remedy"} == set(found[0])
