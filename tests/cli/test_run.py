"""``deapnets run``, from the words of the command to the files of the run."""

import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from deapnets.plugins import EVALUATORS, find
from deapnets.reports.repeating import command_of
from deapnets.reports.story import read_story
from deapnets.runs.configuring import make_evaluator
from deapnets.runs.directory import RunDirectory
from deapnets.runs.resuming import stored_configuration

needs_mnist = pytest.mark.skipif(
    "mnist" not in {plugin.name for plugin in find(EVALUATORS)},
    reason="deapnets-mnist is not installed",
)

DIGITS = ("run", "mnist", "-o", "dataset=digits", "--generations", "15")
XOR = ("run", "xor", "--population", "20", "--seed", "1")

FRAGILE = '''
import torch
from deapnets import Split, Splits, SupervisedTask

class Fragile(SupervisedTask):
    """Gives its second network no fitness in the third generation."""

    settings = {"ga": {"population": 20}}

    def module(self):
        return torch.nn.Linear(2, 2)

    def load(self):
        rows = Split(torch.eye(2), torch.arange(2))
        return Splits(rows, rows, rows)

    def prepare(self, population, generation, rng):
        self.generation = generation

    def evaluate(self, networks):
        fitness = super().evaluate(networks)
        if self.generation == 3:
            fitness[1] = torch.nan
        return fitness
'''


def saved(path):
    """What a run saved, to the bit."""
    tensors = load_file(path / "best.safetensors")
    digest = RunDirectory.open(path).read("best.json")["digest"]
    return digest, {name: tensor.tolist() for name, tensor in tensors.items()}


def done(result):
    """The standard output of a command that did what it was asked to."""
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


# --- the whole command ---


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """The command as it is installed, on real digits: its path and what it printed."""
    path = tmp_path_factory.mktemp("first") / "run"
    command = Path(sysconfig.get_path("scripts"), "deapnets")
    answer = subprocess.run(
        [command, *DIGITS, "--seed", "1", "--out", path], capture_output=True, text=True
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    return path, answer.stdout


@needs_mnist
def test_the_first_run_leaves_all_its_files_and_no_other(first):
    assert sorted(path.name for path in first[0].iterdir()) == [
        "best.json",
        "best.safetensors",
        "checkpoints",
        "config.json",
        "curve.png",
        "environment.json",
        "lineage.json",
        "log.jsonl",
        "mistakes.json",
        "result.json",
        "trace.jsonl",
    ]


@needs_mnist
def test_the_first_run_can_be_repeated_from_its_configuration(first):
    config = json.loads((first[0] / "config.json").read_text())
    assert config["options"] == {
        "network": "auto",
        "pool": None,
        "pixels": "standard",
        "dataset": "digits",
        "data": None,
        "batch_size": "auto",
        "fitness": "loss",
        "validation": 0.1,
        "readout": "evolved",
        "penalty": 0.0001,
    }
    assert (config["evaluator"], config["distribution"]) == ("mnist", "deapnets-mnist")
    assert (config["algorithm"], config["algorithm_options"]["population"]) == ("ga", 400)
    assert (config["budget"]["generations"], config["seed"]) == (15, 1)
    assert config["parameters"] == 64 * 32 + 32 + 32 * 10 + 10
    environment = json.loads((first[0] / "environment.json").read_text())
    assert {"deapnets", "deapnets-mnist", "torch", "deap"} <= set(environment["versions"])


@needs_mnist
def test_the_first_run_logs_an_object_a_generation(first):
    log = [json.loads(line) for line in (first[0] / "log.jsonl").read_text().splitlines()]
    assert [record["generation"] for record in log] == list(range(16))
    # A mini-batch a generation: survivors are scored again, each on 256 images.
    assert [record["evaluations"] for record in log] == [400 * n for n in range(1, 17)]
    assert [record["image_forwards"] for record in log] == [400 * 256 * n for n in range(1, 17)]
    promised = {"seconds", "best", "mean", "std", "sigma", "spent", "faults"}
    assert all(promised <= record.keys() for record in log)
    assert ["validation_accuracy" in record for record in log] == [
        number in (0, 10, 15) for number in range(16)
    ]


@needs_mnist
def test_the_first_run_learns(first):
    log = [json.loads(line) for line in (first[0] / "log.jsonl").read_text().splitlines()]
    result = json.loads((first[0] / "result.json").read_text())
    assert log[-1]["mean"] > log[0]["best"] > log[0]["mean"]
    assert log[0]["validation_loss"] > log[10]["validation_loss"] > log[15]["validation_loss"]
    assert result["metrics"]["test_accuracy"] > 0.15  # 0.1 by chance, give or take 0.016


@needs_mnist
def test_eighty_generations_tell_most_digits_apart(deapnets):
    printed = done(deapnets(*DIGITS[:-1], 80, "--seed", 1, "--json"))
    metrics = json.loads(printed)["metrics"]
    assert metrics["test_accuracy"] > 0.6
    assert metrics["validation_accuracy"] > 0.6


@needs_mnist
def test_the_first_runs_result_has_every_promised_figure(first):
    result = json.loads((first[0] / "result.json").read_text())
    best = json.loads((first[0] / "best.json").read_text())
    named = ("evaluator", "algorithm", "seed", "status", "generations", "evaluations")
    assert [result[name] for name in named] == ["mnist", "ga", 1, "finished", 15, 6400]
    assert result["best_fitness"] == best["fitness"] == -result["metrics"]["validation_loss"]
    assert result["seconds"] > 0
    assert {"test_accuracy", "test_loss", "parameters"} <= result["metrics"].keys()


@needs_mnist
def test_the_first_runs_network_loads_and_has_the_fitness_that_was_written_down(first):
    evaluator = make_evaluator("mnist", ["dataset=digits"]).instance
    net = evaluator.genome()
    net.load_state_dict(load_file(first[0] / "best.safetensors"))
    held = evaluator.splits.validation
    with torch.no_grad():
        outputs = net(held.inputs)
    best = json.loads((first[0] / "best.json").read_text())
    loss = torch.nn.functional.cross_entropy(outputs, held.targets).item()
    accuracy = (outputs.argmax(1) == held.targets).double().mean().item()
    assert best["fitness"] == pytest.approx(-loss, rel=1e-5)
    assert best["validation_accuracy"] == accuracy


@needs_mnist
def test_the_first_run_draws_its_curve(first):
    with Image.open(first[0] / "curve.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (1440, 600))
        assert len(picture.getcolors(1 << 20)) > 10


@needs_mnist
def test_the_first_run_says_what_it_does_what_it_found_and_what_comes_next(first):
    path, printed = first
    heading, *lines = printed.splitlines()
    assert heading == f"mnist by ga, population 400, seed 1 -> {path}"
    figures = r"gen 0, best -2\.\d+, validation \d+\.\d %, [\d,]+ evals/s"
    assert re.fullmatch(figures, lines[0])
    assert f"  network                {path / 'best.safetensors'}" in lines
    assert f"  learning curve         {path / 'curve.png'}" in lines
    after = lines[lines.index("Next:") :]
    assert after[1::2] == [
        f"  deapnets report {path} --open",
        next(line for line in after if line.startswith(f"  deapnets resume {path} --")),
        "  deapnets plugins show mnist",
    ]
    test = json.loads((path / "result.json").read_text())["metrics"]["test_accuracy"]
    assert f"  test_accuracy          {100 * test:.2f} %" in lines


@needs_mnist
def test_the_same_seed_saves_the_same_network_in_another_process(first, deapnets, tmp_path):
    torch.manual_seed(99)
    done(deapnets(*DIGITS, "--seed", 1, "--out", "again"))
    assert saved(tmp_path / "again") == saved(first[0])


@needs_mnist
def test_another_seed_saves_another_network(first, deapnets, tmp_path):
    done(deapnets(*DIGITS, "--seed", 2, "--out", "other"))
    assert saved(tmp_path / "other")[0] != saved(first[0])[0]


@needs_mnist
def test_show_tells_of_the_first_run(first, deapnets):
    facts = json.loads(done(deapnets("show", first[0], "--json")))
    assert (facts["status"], facts["evaluator"], facts["spent"]) == ("finished", "mnist", "100 %")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_xor_is_solved_with_its_own_settings(deapnets, seed):
    printed = done(deapnets("run", "xor", "--generations", 50, "--seed", seed, "--json"))
    assert json.loads(printed)["metrics"]["test_accuracy"] == 1.0


# --- where it goes, and what is drawn ---


def test_a_run_without_a_place_goes_to_a_new_one_by_name_and_time(deapnets, tmp_path):
    printed = done(deapnets(*XOR, "--generations", 1, "--json"))
    (path,) = (tmp_path / "runs").iterdir()
    assert re.fullmatch(r"xor-ga-\d{8}-\d{6}", path.name)
    assert json.loads(printed)["directory"] == f"runs/{path.name}"


def test_a_drawn_seed_is_written_down_and_repeats_the_run(deapnets, tmp_path):
    words = ("run", "xor", "--population", 20, "--generations", 3)
    done(deapnets(*words, "--out", "drawn"))
    seed = json.loads((tmp_path / "drawn" / "config.json").read_text())["seed"]
    done(deapnets(*words, "--out", "again", "--seed", seed))
    assert saved(tmp_path / "again") == saved(tmp_path / "drawn")


def test_json_is_all_that_is_printed_and_is_the_result(deapnets, tmp_path):
    printed = json.loads(done(deapnets(*XOR, "--generations", 2, "--json", "--out", "run")))
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert printed == {"directory": "run", **result}


def test_every_setting_reaches_the_run(deapnets, tmp_path):
    words = "run xor --algorithm ga --population 20 --generations 9 --evaluations 60 --seed 7"
    more = "--target validation_accuracy=2 --device cpu --memory 1GB --on-error worst --out run"
    more += " --precision bfloat16"
    options = "-o hidden=3 -o fitness=accuracy -a sigma=0.3 -a crossover=onepoint"
    done(deapnets(*f"{words} {more} --seconds 60 {options}".split()))
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["options"] == {"hidden": 3, "fitness": "accuracy"}
    settings = config["algorithm_options"]
    assert (settings["population"], settings["sigma"]) == (20, 0.3)
    assert settings["crossover"] == "onepoint"
    assert config["budget"] == {
        "generations": 9,
        "seconds": 60.0,
        "evaluations": 60,
        "evaluation_seconds": None,
        "target": {"metric": "validation_accuracy", "value": 2.0},
    }
    named = ("algorithm", "seed", "device", "memory", "on_error", "precision")
    assert [config[name] for name in named] == ["ga", 7, "cpu", "1GB", "worst", "bfloat16"]
    assert config["map"]["precision"] == "bfloat16"


def test_a_run_in_bfloat16_scores_otherwise_and_is_resumed_so(deapnets, tmp_path):
    words = "run xor --population 20 --seed 7 --device cpu --generations"
    for out, more in (("plain", ()), ("half", ("--precision", "bfloat16"))):
        done(deapnets(*words.split(), "6", "--out", out, *more))
    logs = [(tmp_path / out / "log.jsonl").read_text() for out in ("plain", "half")]
    assert logs[0].splitlines()[0] != logs[1].splitlines()[0]
    assert stored_configuration(RunDirectory.open("half")).precision == "bfloat16"
    assert "--precision bfloat16" in command_of(read_story("half"))


def test_a_search_of_architectures_in_bfloat16_is_refused(deapnets):
    result = deapnets("run", "bitstring", "--algorithm", "aging", "--precision", "bfloat16")
    assert result.exit_code == 2
    assert "precision is of runs that evolve weights" in result.output


# --- budgets ---


def end_of(printed):
    result = json.loads(printed)
    return result["status"], result["generations"], result["evaluations"]


@pytest.mark.parametrize(
    ("words", "end"),
    [
        (("--generations", 3), ("finished", 3, 77)),
        (("--evaluations", 40), ("finished", 2, 58)),
        (("--generations", 3, "--evaluations", 40), ("finished", 2, 58)),
        (("--generations", 9, "--target", "validation_accuracy=0"), ("finished", 0, 20)),
        (("--generations", 2, "--target", "validation_accuracy=2"), ("finished", 2, 58)),
        (("--generations", 9, "--target", "validation_loss=100"), ("finished", 0, 20)),
    ],
)
def test_a_run_ends_with_its_budget(deapnets, words, end):
    assert end_of(done(deapnets(*XOR, *words, "--json"))) == end


def test_a_budget_of_seconds_ends_the_run(deapnets):
    status, generations, _ = end_of(done(deapnets(*XOR, "--seconds", 0.05, "--json")))
    assert status == "finished"
    assert generations >= 1


@pytest.mark.parametrize(
    ("words", "seconds"),
    [((), 60.0), (("--target", "a=1"), 60.0), (("--generations", 3), None), (("--seconds", 5), 5)],
)
def test_a_run_without_a_budget_takes_a_minute(deapnets, monkeypatch, words, seconds):
    ran = []
    monkeypatch.setattr("deapnets.cli.run._execute", lambda *given: ran.append(given))
    done(deapnets(*XOR, *words))
    ((configuration, _, _),) = ran
    assert configuration.budget.seconds == seconds


# --- words that cannot be used ---


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("xor --algorithm gaa", 'Unknown algorithm "gaa". Did you mean "ga"? Valid: '),
        ("xor -o hiden=3", 'Unknown option "hiden". Did you mean "hidden"? Valid: fitness, hidden'),
        ("xor -o hidden=many", 'Option "hidden" expects int, got "many".'),
        ("xor -o hidden", 'Option "hidden" has no value: write hidden=VALUE.'),
        ("xor -o hidden=0", "hidden is at least 1, got 0."),
        ("xor -a sgima=1", 'Unknown option "sgima". Did you mean "sigma"?'),
        ("xor -a share=2", "share is a part of the population in (0, 1], got 2.0."),
        ("xor --population 1", "population is at least 2, got 1."),
        ("xor --generations 0", "A budget of generations must be more than 0 and finite, got 0."),
        ("xor --seconds nan", "A budget of seconds must be more than 0 and finite, got nan."),
        ("xor --evaluations 300", "A budget of 300 evaluations is not above the population of 300"),
        ("xor --target 0.9", "A target is METRIC=VALUE, such as validation_accuracy=0.95; got"),
        ("xor --seed -1", "A seed is from 0 to 2**32 - 1, got -1."),
        ("xor --device gpu", 'Unknown device "gpu". Did you mean "cpu"?'),
        ("xor --memory lots", 'memory is bytes, or text such as "4GB" or "512MB"; got'),
        pytest.param(
            "mnist -o dataset=digit",
            'Option "dataset" expects mnist | digits, got "digit". Did you mean "digits"?',
            marks=needs_mnist,
        ),
        pytest.param(
            "mnist -o dataset=digits -o pool=9x8",
            "Images of 8x8 pixels cannot be shrunk to 9x8:",
            marks=needs_mnist,
        ),
        pytest.param(
            "mnist -o dataset=digits -o network=mpl-32",
            'Unknown network "mpl-32". Did you mean "mlp-32"?',
            marks=needs_mnist,
        ),
    ],
)
def test_wrong_words_are_one_line_and_leave_nothing_behind(refused, tmp_path, words, message):
    assert refused("run", *words.split(), code=2).startswith(f"Error: {message}")
    assert list(tmp_path.iterdir()) == []


def test_an_evaluator_that_is_not_installed_is_told_with_the_near_one(refused, tmp_path):
    line = refused("run", "xorr", code=1)
    assert line.startswith('Error: Evaluator "xorr" is not installed. Did you mean "xor"? Install')
    assert list(tmp_path.iterdir()) == []


def test_a_memory_that_holds_no_network_is_refused(refused, tmp_path):
    line = refused(*XOR, "--memory", "1B", code=1)
    assert line.startswith("Error: A memory budget of 1 bytes holds not one individual: 22 weights")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "Missing argument 'EVALUATOR'."),
        ("xor --generations few", "Invalid value for '--generations': 'few' is not a valid int"),
        ("xor --on-error wurst", "Invalid value for '--on-error': 'wurst' is not one of 'raise', "),
        ("xor --populaton 3", "No such option"),
    ],
)
def test_words_that_click_refuses_exit_with_two(deapnets, tmp_path, words, message):
    result = deapnets("run", *words.split())
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith(f"Error: {message}")
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_is_not_measured_is_told_with_what_is(deapnets, tmp_path):
    result = deapnets(*XOR, "--target", "validation_acc=1", "--out", "run")
    assert result.exit_code == 2
    assert result.stderr == (
        'Error: The target "validation_acc" is not measured while the run goes on. Did you mean '
        '"validation_accuracy"? Measured: validation_accuracy, validation_loss.\n'
    )
    assert json.loads((tmp_path / "run" / "result.json").read_text())["status"] == "failed"


# --- places and data that cannot be used ---


def test_a_directory_that_holds_something_is_refused_and_left_alone(refused, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("")
    line = refused(*XOR, "--out", "mine", code=1)
    assert line == "Error: mine is not empty. Choose another directory with --out."
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_place_that_cannot_be_a_directory_is_refused(refused, tmp_path):
    (tmp_path / "file").write_text("")
    line = refused(*XOR, "--out", "file/run", code=1)
    assert line.startswith("Error: file/run cannot be a run directory: [Errno ")


def test_a_disk_that_is_full_is_one_line_and_leaves_whole_files(deapnets, tmp_path, monkeypatch):
    def full(self, name, tensors):
        self.replace(name, lambda path: (_ for _ in ()).throw(OSError(28, "No space left")))

    monkeypatch.setattr(RunDirectory, "write_weights", full)
    result = deapnets(*XOR, "--generations", 2, "--out", "run")
    assert result.exit_code == 1
    expected = "Error: run/best.safetensors cannot be written: [Errno 28] No space left.\n"
    assert result.stderr == expected
    assert json.loads((tmp_path / "run" / "result.json").read_text())["status"] == "failed"


@needs_mnist
def test_missing_data_without_a_network_say_what_to_do_and_leave_no_run(
    refused, tmp_path, monkeypatch
):
    pytest.importorskip("pooch")  # its own line on the download goes to the stream it finds now
    monkeypatch.delenv("DEAPNETS_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("DEAPNETS_MNIST_MIRROR", "http://127.0.0.1:1/mnist")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    line = refused("run", "mnist", "--out", "run", code=1)
    assert line.startswith("Error: MNIST is neither in $DEAPNETS_DATA/mnist nor in ")
    assert line.endswith("Or use -o dataset=digits, which needs no download.")
    assert not (tmp_path / "run").exists()


# --- ends that were not meant ---


def test_nan_is_one_line_by_individual_and_generation_and_keeps_the_best(
    install, deapnets, tmp_path
):
    install("deapnets-fragile", "fragile = fake_fragile:Fragile", fake_fragile=FRAGILE)
    result = deapnets("run", "fragile", "--generations", 5, "--seed", 1, "--out", "run")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    expected = r'Error: Evaluator "Fragile" returned NaN for individual \w{8} \(generation 3\)\. '
    assert re.match(expected, line)
    found = json.loads((tmp_path / "run" / "result.json").read_text())
    assert (found["status"], found["generations"]) == ("failed", 2)
    assert "test_accuracy" not in found["metrics"]
    assert load_file(tmp_path / "run" / "best.safetensors").keys() == {"weight", "bias"}
    assert json.loads(done(deapnets("show", "run", "--json")))["status"] == "failed"


def test_a_plugin_that_asks_for_another_deapnets_runs_with_a_warning(install, deapnets):
    folder = install("deapnets-old", "old = fake_old:Fragile", fake_old=FRAGILE)
    with (folder / "deapnets_old-1.0.dist-info" / "METADATA").open("a") as metadata:
        metadata.write("Requires-Dist: deapnets<0.1\n")
    result = deapnets("run", "old", "--generations", 1, "--seed", 1, "--out", "run", "--json")
    assert result.exit_code == 0
    (line,) = result.stderr.splitlines()
    assert line.startswith("Warning: deapnets-old: It needs deapnets<0.1, and deapnets 0.1.0 is")


def test_a_warning_is_one_line_without_the_code_that_gave_it(tmp_path):
    """In a process of its own: pytest keeps warnings to itself."""
    source = FRAGILE.replace(
        "    def module",
        "    def module(self):\n        warn('look out')\n"
        "        return torch.nn.Linear(2, 2)\n\n    def other",
        1,
    )
    (tmp_path / "loud.py").write_text("from warnings import warn\n" + source)
    call = "import sys; from deapnets.cli import main; main(sys.argv[1:])"
    words = ["run", "loud.py:Fragile", "--generations", "1", "--json"]
    done = subprocess.run(
        [sys.executable, "-c", call, *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stderr == "Warning: look out\n"


def test_on_error_worst_goes_on_and_counts_what_it_replaced(install, deapnets):
    install("deapnets-fragile", "fragile = fake_fragile:Fragile", fake_fragile=FRAGILE)
    words = ("run", "fragile", "--generations", 5, "--on-error", "worst", "--out", "run")
    found = json.loads(done(deapnets(*words, "--json")))
    assert (found["status"], found["generations"], len(found["faults"])) == ("finished", 5, 1)
    assert "faults                   1\n" in done(deapnets("show", "run"))


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_interrupted_run_exits_with_130_and_leaves_whole_files(deapnets, tmp_path):
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from deapnets.cli import main; main()"
    )
    words = ["run", "xor", "--seconds", "60", "--seed", "1", "--out", "run"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    run = RunDirectory(tmp_path / "run")
    while process.poll() is None and len(list(run.log())) < 13:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate()
    assert (process.returncode, errors) == (
        130,
        "\nInterrupted. What was found is in run; deapnets resume run goes on.\n",
    )
    files = {path.name for path in run.path.iterdir()} - {"lineage.json"}  # if a child was the best
    assert sorted(files) == [
        "best.json",
        "best.safetensors",
        "checkpoints",
        "config.json",
        "environment.json",
        "log.jsonl",
        "result.json",
        "trace.jsonl",
    ]
    result, log = run.read("result.json"), list(run.log())
    assert result["status"] == "interrupted"
    assert result["generations"] - log[-1]["generation"] in (0, 1)  # scored, and not yet logged
    assert (run.path / "log.jsonl").read_text().endswith("\n")
    assert result["best_fitness"] >= log[-1]["best"] - 1e-6
    net = make_evaluator("xor", []).instance.genome()
    net.load_state_dict(load_file(run.path / "best.safetensors"))
    assert json.loads(done(deapnets("show", "run", "--json")))["status"] == "interrupted"


# Engines


def test_worker_processes_give_the_run_of_one_process(deapnets, tmp_path):
    pytest.importorskip("cloudpickle", reason="workers need cloudpickle")
    words = ["run", "xor", "--population", 30, "--generations", 4, "--seed", 1]
    for engine in ("serial", "processes"):
        staff = ["--workers", 2] if engine == "processes" else []
        assert deapnets(*words, "--engine", engine, *staff, "--out", engine).exit_code == 0
    logs = [
        [json.loads(line) for line in (tmp_path / engine / "log.jsonl").read_text().splitlines()]
        for engine in ("serial", "processes")
    ]
    for record in (*logs[0], *logs[1]):
        del record["seconds"]
    assert logs[0] == logs[1]
    weights = [(tmp_path / e / "best.safetensors").read_bytes() for e in ("serial", "processes")]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--engine", "rey"], 2, 'Unknown engine "rey". Did you mean "ray"?'),
        (["--workers", 2], 2, 'engine="serial" has one worker: this process.'),
        (["--engine", "processes", "--time-limit", "-1"], 2, "time_limit is a number of seconds"),
    ],
)
def test_an_engine_that_cannot_be_used_leaves_nothing_behind(refused, tmp_path, words, code, said):
    assert said in refused("run", "xor", *words, "--out", "new", code=code)
    assert not (tmp_path / "new").exists()
