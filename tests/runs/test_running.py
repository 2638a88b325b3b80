import itertools
import json
import random
import re
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import deapnets as dn
from deapnets.algorithms.ga import GeneticSettings
from deapnets.errors import DataError, DeapnetsError, EvaluationError, OptionError, RunError
from deapnets.evaluators.xor import Xor
from deapnets.runs import running
from deapnets.runs.budget import Budget, Target
from deapnets.runs.directory import RunDirectory
from deapnets.runs.running import Run


class Rings(dn.SupervisedTask):
    """Points in three rings; the network's initial weights are torch's random ones."""

    def __init__(self, *, broken_in=None, missing=False, **options):
        super().__init__(**options)
        self.broken_in, self.missing = broken_in, missing
        self.opened = []

    def module(self):
        if self.missing:
            raise DataError("There are no rings here.")
        random.random()  # another source than torch's
        return nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 3))

    def load(self):
        inputs = torch.randn(240, 2, generator=torch.Generator().manual_seed(0))
        targets = (inputs.norm(dim=1) / 0.8).long().clamp(max=2)
        parts = zip(inputs.split(80), targets.split(80), strict=True)
        return dn.Splits(*(dn.Split(*part) for part in parts))

    def prepare(self, population, generation, rng):
        super().prepare(population, generation, rng)
        self.generation = generation

    def evaluate(self, networks):
        fitness = super().evaluate(networks)
        if self.generation == self.broken_in:
            fitness[1] = torch.nan
        return fitness

    def _on(self, name, device):
        self.opened.append(name)
        return super()._on(name, device)


class HalfFrozenRings(Rings):
    """Only the last layer is evolved; a buffer and the first layer are everybody's."""

    parameters = "2.*"

    def module(self):
        return nn.Sequential(*list(super().module())[:2], nn.Linear(8, 3), nn.BatchNorm1d(3)).eval()


class Weightless(dn.Evaluator):
    """Fitness is the sum of the squared weights, minimised; nothing is held out."""

    weights = (-1.0,)

    def __init__(self):
        self.net = nn.Linear(3, 2)

    def genome(self):
        return self.net

    def evaluate(self, networks):
        return networks.weights().square().sum(1)


def finish(run):
    run_through = list(run)
    return run_through, run.directory.read("result.json")


def stopped_after(run, generations):
    generator = iter(run)
    for _ in range(generations + 1):
        next(generator)
    generator.close()
    return run.directory.read("result.json")


def found_by(run):
    """What a run found, to the bit, and what its log says but for the time."""
    finish(run)
    tensors = load_file(run.directory.path / "best.safetensors")
    log = [{k: v for k, v in record.items() if k != "seconds"} for record in run.directory.log()]
    return run.directory.read("best.json"), {k: v.tolist() for k, v in tensors.items()}, log


# --- the files ---


def test_a_run_leaves_its_configuration_environment_log_best_network_and_result(start):
    run = start()
    finish(run)
    assert sorted(path.name for path in run.directory.path.iterdir()) == [
        "best.json",
        "best.safetensors",
        "checkpoints",
        "config.json",
        "environment.json",
        "lineage.json",
        "log.jsonl",
        "mistakes.json",
        "result.json",
        "trace.jsonl",
    ]


def test_the_configuration_says_what_was_run_and_how(start, configure):
    run = start()
    finish(run)
    config = run.directory.read("config.json")
    described = json.loads(json.dumps(configure().describe()))
    assert {name: config[name] for name in described} == described
    assert config["parameters"] == 22
    assert config["map"].keys() == {"device", "path", "chunk", "precision", "memory"}


def test_the_environment_names_the_evaluators_distribution(start):
    run = start()
    finish(run)
    assert "tests" in run.directory.read("environment.json")["versions"]


def test_the_log_has_an_object_a_generation(start):
    run = start()
    finish(run)
    log = list(run.directory.log())
    assert [record["generation"] for record in log] == [0, 1, 2, 3, 4]
    # One of twenty survives with the score it has; xor has four rows.
    assert [record["evaluations"] for record in log] == [20, 39, 58, 77, 96]
    assert [record["image_forwards"] for record in log] == [80, 156, 232, 308, 384]
    assert [record["spent"] for record in log] == [0.0, 0.25, 0.5, 0.75, 1.0]
    seconds = [record["seconds"] for record in log]
    assert seconds == sorted(seconds)
    assert all(record["best"] >= record["mean"] and record["std"] > 0 for record in log)
    assert all(record["faults"] == 0 for record in log)


def test_the_mutation_follows_what_was_spent_before_the_generation(start):
    run = start()
    finish(run)
    settings = run.configuration.settings
    spent = [0.0, 0.0, 0.25, 0.5, 0.75]
    expected = [settings.sigma_at(part) for part in spent]
    assert [record["sigma"] for record in run.directory.log()] == expected


def test_the_result_has_every_promised_figure(start):
    run = start()
    _, result = finish(run)
    last = list(run.directory.log())[-1]
    assert abs(result.pop("seconds") - last["seconds"]) < 0.001
    metrics = result.pop("metrics")
    assert metrics.keys() == {
        "validation_loss",
        "validation_accuracy",
        "test_loss",
        "test_accuracy",
        "parameters",
    }
    assert result == {
        "evaluator": "task",
        "algorithm": "ga",
        "seed": 1,
        "status": "finished",
        "generations": 4,
        "evaluations": last["evaluations"],
        "image_forwards": last["image_forwards"],
        "best_fitness": run.champion.fitness,
        "best_source": run.champion.source,
        "resumed": 0,
        "faults": [],
    }


def test_a_step_says_where_the_run_stands(start):
    run = start()
    steps, result = finish(run)
    assert [step.generation for step in steps] == [0, 1, 2, 3, 4]
    assert [step.spent for step in steps] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert [step.best for step in steps] == [record["best"] for record in run.directory.log()]
    assert steps[-1].evaluations == result["evaluations"]
    assert steps[-1].validation.keys() == {"validation_loss", "validation_accuracy"}


# --- the network that is saved ---


@pytest.mark.parametrize("fitness", ["loss", "accuracy"])
def test_the_saved_network_has_the_fitness_that_was_written_down(start, fitness):
    run = start(Rings(fitness=fitness), budget=Budget(generations=12))
    _, result = finish(run)
    best = run.directory.read("best.json")
    net = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 3))
    net.load_state_dict(load_file(run.directory.path / "best.safetensors"))
    held = Rings().splits.validation
    outputs = net(held.inputs)
    loss = nn.functional.cross_entropy(outputs, held.targets).item()
    accuracy = (outputs.argmax(1) == held.targets).double().mean().item()
    assert best["fitness"] == result["best_fitness"]
    assert best["fitness"] == pytest.approx(-loss if fitness == "loss" else accuracy, rel=1e-5)
    assert best["validation_loss"] == pytest.approx(loss, rel=1e-5)
    assert best["validation_accuracy"] == result["metrics"]["validation_accuracy"] == accuracy
    assert (best["source"], best["digest"]) == (
        result["best_source"],
        run.champion.individual.digest,
    )


def test_a_run_learns(start):
    settings = GeneticSettings(population=100, sigma=0.1, sigma_end=0.02)
    run = start(Rings(), settings=settings, budget=Budget(generations=60))
    _, result = finish(run)
    first, *_, last = run.directory.log()
    assert first["validation_accuracy"] < 0.6
    assert last["best"] > first["best"] + 0.3
    assert result["metrics"]["validation_accuracy"] > 0.75
    assert result["metrics"]["test_accuracy"] > 0.6


def test_a_minimised_fitness_falls(start):
    run = start(Weightless())
    _, result = finish(run)
    best = [record["best"] for record in run.directory.log()]
    assert best == sorted(best, reverse=True)
    assert result["best_fitness"] <= best[0]
    assert result["best_fitness"] == best[-1]


def test_without_held_out_data_the_metrics_are_those_of_the_network_alone(start):
    run = start(Weightless())
    _, result = finish(run)
    assert result["metrics"] == {"parameters": 8}
    assert run.directory.read("best.json").keys() == {"generation", "fitness", "source", "digest"}
    assert all("validation_accuracy" not in record for record in run.directory.log())


def test_a_network_is_written_only_when_it_is_better(start, monkeypatch):
    written = []
    write = RunDirectory.write_weights

    def noted(self, name, tensors):
        written.append(name)
        write(self, name, tensors)

    monkeypatch.setattr(RunDirectory, "write_weights", noted)
    run = start(validate_every=1, budget=Budget(generations=20))
    finish(run)
    losses = [record["validation_loss"] for record in run.directory.log()]
    improved = sum(loss < min(losses[:at], default=9) for at, loss in enumerate(losses))
    assert len(written) == improved < 21


# --- the splits ---


def test_the_validation_split_is_looked_at_every_so_often_and_at_the_end(start):
    run = start(validate_every=3, budget=Budget(generations=7))
    finish(run)
    looked = [r["generation"] for r in run.directory.log() if "validation_accuracy" in r]
    assert looked == [0, 3, 6, 7]


def test_looking_at_the_validation_split_changes_nothing_that_is_bred(start):
    curves = []
    for validate_every in (1, 100):
        run = start(validate_every=validate_every)
        finish(run)
        curves.append([(record["best"], record["mean"]) for record in run.directory.log()])
    assert curves[0] == curves[1]


def test_the_test_split_is_opened_once_after_the_last_generation(start):
    evaluator = Rings()
    run = start(evaluator)
    for _ in run:
        assert "test" not in evaluator.opened
    assert evaluator.opened.count("test") == 1


def test_a_run_that_is_interrupted_or_fails_never_opens_the_test_split(start):
    stopped, failing = Rings(), Rings(broken_in=2)
    stopped_after(start(stopped), 2)
    with pytest.raises(EvaluationError):
        finish(start(failing))
    assert "test" not in stopped.opened + failing.opened
    assert "validation" in stopped.opened


# --- one seed, one result ---


@pytest.mark.parametrize("make", [Xor, Rings, lambda: Rings(batch_size=16)])
def test_one_seed_gives_one_run_to_the_bit_whatever_was_random_before(start, make):
    first = found_by(start(make()))
    random.seed(99)
    torch.manual_seed(99)
    assert found_by(start(make())) == first


@pytest.mark.parametrize("make", [Xor, Rings])
def test_another_seed_gives_another_network(start, make):
    first, other = (found_by(start(make(), seed=seed))[0] for seed in (1, 2))
    assert first["digest"] != other["digest"]


def test_the_seed_decides_the_ancestors_weights_too(start):
    nets = [Rings() for _ in range(3)]
    for net, seed in zip(nets, (1, 1, 2), strict=True):
        start(net, seed=seed).prepare()
    first, same, other = (net.genome()[0].weight for net in nets)
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_preparing_beforehand_changes_nothing(start):
    first = found_by(start(Rings()))
    run = start(Rings())
    run.prepare()
    random.seed(99)
    assert found_by(run) == first


# --- the end ---


def test_a_budget_of_evaluations_ends_with_the_generation_that_reaches_it(start):
    _, result = finish(start(budget=Budget(evaluations=40)))
    assert (result["generations"], result["evaluations"]) == (2, 58)


def test_a_budget_of_seconds_ends_with_the_generation_that_passes_it(start, monkeypatch):
    clock = SimpleNamespace(perf_counter=map(float, itertools.count()).__next__)
    monkeypatch.setattr(running, "time", clock)
    run = start(budget=Budget(seconds=5.0))
    finish(run)
    # Each generation looks at the clock twice: 1 and 2, 3 and 4, 5.
    assert [record["seconds"] for record in run.directory.log()] == [2.0, 4.0, 6.0]
    assert [record["spent"] for record in run.directory.log()] == [0.2, 0.6, 1.0]


def test_the_first_limit_that_is_reached_ends_the_run(start):
    budget = Budget(generations=3, evaluations=10_000, seconds=1000)
    assert finish(start(budget=budget))[1]["generations"] == 3


def test_a_target_ends_the_run_as_finished(start):
    budget = Budget(generations=200, target=Target("validation_accuracy", 0.75))
    run = start(budget=budget, validate_every=1)
    _, result = finish(run)
    accuracies = [record["validation_accuracy"] for record in run.directory.log()]
    assert all(accuracy < 0.75 for accuracy in accuracies[:-1])
    assert accuracies[-1] >= 0.75
    assert result["status"] == "finished"
    assert result["generations"] == len(accuracies) - 1 < 200
    assert "test_accuracy" in result["metrics"]


def test_a_target_that_is_not_measured_fails_in_the_first_generation(start):
    run = start(budget=Budget(generations=5, target=Target("validation_acuracy", 1.0)))
    expected = 'The target "validation_acuracy" is not measured while the run goes on. Did you mean'
    with pytest.raises(OptionError, match=f"^{expected}"):
        finish(run)
    assert list(run.directory.log()) == []


def test_a_target_without_a_validation_split_is_refused(start):
    run = start(Weightless(), budget=Budget(generations=5, target=Target("fitness", 1.0)))
    with pytest.raises(OptionError, match=r"Measured: nothing\.$"):
        finish(run)


# --- ends that were not meant ---


def test_an_interrupted_run_keeps_the_best_of_its_last_generation(start):
    run = start(budget=Budget(generations=50))
    result = stopped_after(run, 7)
    best, log = run.directory.read("best.json"), list(run.directory.log())
    assert (result["status"], result["generations"]) == ("interrupted", 7)
    assert "test_accuracy" not in result["metrics"]
    assert result["best_fitness"] == best["fitness"] >= log[7]["best"]
    assert (run.directory.path / "best.safetensors").is_file()


def test_an_interrupt_within_a_generation_ends_the_run_alike(start):
    evaluator = Rings()
    run = start(evaluator)
    prepare = evaluator.prepare

    def interrupted(population, generation, rng):
        if generation == 2:
            raise KeyboardInterrupt
        prepare(population, generation, rng)

    evaluator.prepare = interrupted
    with pytest.raises(KeyboardInterrupt):
        finish(run)
    result = run.directory.read("result.json")
    assert (result["status"], result["generations"]) == ("interrupted", 1)
    assert len(list(run.directory.log())) == 2


def test_an_interrupt_between_the_files_of_the_best_network_leaves_a_pair(start, monkeypatch):
    run = start(validate_every=1, budget=Budget(generations=30))
    write, written = RunDirectory.write, []

    def interrupted(self, name, value):
        written.append(name)
        if written.count("best.json") == 3 and name == "best.json":
            raise KeyboardInterrupt
        write(self, name, value)

    monkeypatch.setattr(RunDirectory, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        finish(run)
    tensors = load_file(run.directory.path / "best.safetensors")
    assert run.directory.read("best.json")["fitness"] == run.champion.fitness
    saved = run.champion.individual.state_dict()
    assert all(torch.equal(tensors[name], saved[name]) for name in saved)


def test_nan_fails_the_run_by_individual_and_generation_and_keeps_the_best_so_far(start):
    run = start(Rings(broken_in=3))
    expected = r'^Evaluator "Rings" returned NaN for individual [0-9a-f]{8} \(generation 3\)\. '
    with pytest.raises(EvaluationError, match=expected):
        finish(run)
    result, best = run.directory.read("result.json"), run.directory.read("best.json")
    assert (result["status"], result["generations"]) == ("failed", 2)
    assert result["best_fitness"] == best["fitness"]
    assert best["generation"] == 2
    assert len(list(run.directory.log())) == 3


def test_on_error_worst_goes_on_and_counts_faults(start):
    run = start(Rings(broken_in=3), on_error="worst")
    _, result = finish(run)
    assert [record["faults"] for record in run.directory.log()] == [0, 0, 0, 1, 1]
    (fault,) = result["faults"]
    assert (fault["generation"], fault["value"]) == (3, ["nan"])
    assert re.fullmatch("[0-9a-f]{32}", fault["individual"])
    assert result["status"] == "finished"


def test_a_run_that_fails_in_its_first_generation_says_so_without_a_network(start):
    run = start(Rings(broken_in=0))
    with pytest.raises(EvaluationError, match=r"\(generation 0\)"):
        finish(run)
    result = run.directory.read("result.json")
    assert (result["status"], result["best_fitness"]) == ("failed", None)
    assert result["metrics"] == {"parameters": 51}
    assert not run.directory.has("best.json")
    assert not run.directory.has("best.safetensors")


def test_a_failing_measurement_still_leaves_a_result(start):
    evaluator = Xor()
    evaluator.measure = lambda individual: 1 / 0
    run = start(evaluator)
    with pytest.raises(ZeroDivisionError):
        finish(run)
    result = run.directory.read("result.json")
    assert (result["status"], result["generations"]) == ("failed", 4)
    assert result["metrics"].keys() == {"validation_loss", "validation_accuracy", "parameters"}


def test_what_fails_at_a_failed_runs_last_look_does_not_hide_the_result(start):
    evaluator = Rings(broken_in=3)
    run = start(evaluator)
    generator = iter(run)
    next(generator)
    evaluator.validate = lambda networks: 1 / 0
    with pytest.raises(ZeroDivisionError):
        list(generator)
    assert run.directory.read("result.json")["status"] == "failed"


# --- before the first file ---


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        ({"evaluator": Rings(missing=True)}, "There are no rings here."),
        ({"memory": "1B"}, "A memory budget of 1 bytes holds not one individual: "),
    ],
)
def test_what_cannot_be_run_is_said_before_a_file_is_written(
    configure, tmp_path, replaced, message
):
    run = Run(configure(**replaced), RunDirectory(tmp_path / "run"))
    with pytest.raises(DeapnetsError, match=f"^{re.escape(message)}"):
        run.prepare()
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        ({"device": "gpu"}, 'Unknown device "gpu". Did you mean "cpu"? Valid: auto, cpu, cuda.'),
        ({"memory": "lots"}, 'memory is bytes, or text such as "4GB" or "512MB"; got \'lots\'.'),
        ({"on_error": "wurst"}, 'Unknown on_error "wurst". Did you mean "worst"? Valid: raise, '),
    ],
)
def test_settings_of_the_machine_are_checked_when_the_run_is_made(start, replaced, message):
    with pytest.raises(OptionError, match=f"^{re.escape(message)}"):
        start(**replaced)


def test_a_directory_that_is_not_there_is_an_error_of_ours(configure, tmp_path):
    run = Run(configure(), RunDirectory(tmp_path / "nowhere"))
    with pytest.raises(RunError, match=r"nowhere cannot be written: \[Errno 2\]"):
        list(run)


def test_a_run_of_a_part_saves_the_whole_network(start):
    evaluator = HalfFrozenRings()
    run = start(evaluator)
    for _ in run:
        pass
    net = evaluator.genome()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    tensors = load_file(run.directory.path / "best.safetensors")
    assert tensors.keys() == before.keys()
    changed = {name for name in before if not torch.equal(tensors[name], before[name])}
    assert changed == {"2.weight", "2.bias"}
    net.load_state_dict(tensors)
    assert run.directory.read("result.json")["metrics"]["parameters"] == 27
    assert run.directory.read("config.json")["parameters"] == 27


class DrawnRings(Rings):
    """Draws the digest of whom it is asked to draw."""

    def draw(self, individual):
        return individual.digest.encode()


def test_a_run_draws_its_best_network_now_and_then_and_at_the_end(start):
    run = start(DrawnRings(), budget=Budget(generations=9), validate_every=1)
    for _ in run:
        pass
    path = run.directory.path
    names = sorted(picture.name for picture in (path / "pictures").iterdir())
    assert names == [f"{number:06d}.png" for number in (0, 1, 2, 4, 8)]
    assert (path / "picture.png").read_text() == run.champion.individual.digest
    best = run.directory.read("best.json")["digest"]
    assert (path / "picture.png").read_text() == best


def test_an_evaluator_that_draws_nothing_leaves_no_picture(start):
    run = start()
    for _ in run:
        pass
    assert not (run.directory.path / "pictures").exists()
    assert not (run.directory.path / "picture.png").exists()


def test_a_picture_that_cannot_be_written_ends_the_run_with_our_error(start):
    run = start(DrawnRings())
    (run.directory.path / "pictures").write_text("in the way")
    with pytest.raises(RunError, match=r"pictures/000000\.png cannot be written"):
        for _ in run:
            pass
