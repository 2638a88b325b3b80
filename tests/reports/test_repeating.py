import json
import shlex

from click.testing import CliRunner

from deapnets.cli import main
from deapnets.reports.repeating import command_of
from deapnets.reports.story import Story, read_story


def test_the_command_runs_the_same_run_again(tmp_path):
    words = ["xor", "--generations", "5", "--population", "12", "--seed", "3"]
    words += ["-a", "cxpb=0.25", "-a", "crossover=layer", "-o", "hidden=3"]
    runner = CliRunner()
    first, second = tmp_path / "first", tmp_path / "second"
    assert runner.invoke(main, ["run", *words, "--out", str(first)]).exit_code == 0
    again = shlex.split(" ".join(command_of(read_story(first))))[1:]
    assert runner.invoke(main, [*again, "--out", str(second)]).exit_code == 0
    configs = [json.loads((folder / "config.json").read_text()) for folder in (first, second)]
    assert configs[0] == {**configs[1], "map": configs[0]["map"]}
    assert (first / "best.json").read_text() == (second / "best.json").read_text()


def test_defaults_are_left_out(finished):
    assert command_of(read_story(finished)) == [
        "deapnets run xor",
        "-a population=40",
        "--generations 40",
        "--seed 1",
    ]


def test_of_an_evaluator_that_is_not_installed_everything_is_written(tmp_path):
    config = {
        "evaluator": "gone; rm -rf",
        "distribution": "nowhere",
        "options": {"size": 3, "data": None, "on": True},
        "algorithm": "ga",
        "algorithm_options": {"sigma": 0.5},
        "budget": {"seconds": 5.0, "target": {"metric": "validation_loss", "value": 0.1}},
        "seed": 1,
        "engine": "processes",
    }
    assert command_of(Story("run", tmp_path, "finished", {}, config)) == [
        "deapnets run 'gone; rm -rf'",
        "-o size=3",
        "-o data=none",
        "-o on=true",
        "-a sigma=0.5",
        "--seconds 5.0",
        "--target validation_loss=0.1",
        "--seed 1",
        "--engine processes",
    ]


def test_no_file_that_a_directory_names_is_run(written, tmp_path):
    script = tmp_path / "evil.py"
    script.write_text("raise SystemExit('it ran')")
    story = read_story(written("config.json", evaluator="Task", distribution=str(script)))
    assert command_of(story)[0] == f"deapnets run {script}:Task"
