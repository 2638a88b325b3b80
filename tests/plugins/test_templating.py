"""A plugin that is written works: its own tests pass, and it is found and sound."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from deapnets.cli import main
from deapnets.errors import OptionError, PluginError
from deapnets.plugins import templating
from deapnets.plugins.templating import write_plugin


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Return a new plugin, and metadata as an installation leaves them."""
    target = write_plugin("two-moons", tmp_path / "new" / "moons")
    info = target / "deapnets_two_moons-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: deapnets-two-moons\nVersion: 0.1.0\n")
    entry = "two-moons = deapnets_two_moons.evaluator:TwoMoons"
    assert entry.replace("= ", '= "') in (target / "pyproject.toml").read_text()
    (info / "entry_points.txt").write_text(f"[deapnets.evaluators]\n{entry}\n")
    return target


def python(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_tests_of_a_new_plugin_pass(written):
    done = python("-m", "pytest", "-q", "-p", "no:cacheprovider", folder=written)
    assert done.returncode == 0, done.stdout
    assert re.search(r"\d\d passed", done.stdout)


def test_a_new_plugin_is_found_and_sound(written):
    call = "import sys; from deapnets.cli import main; main(sys.argv[1:])"
    done = python("-c", call, "plugins", "check", "two-moons", folder=written)
    assert done.returncode == 0, done.stdout
    assert done.stdout.split()[:3] == ["two-moons", "deapnets-two-moons", "usable"]


def test_nothing_of_the_templates_name_is_left(written):
    for path in written.rglob("*"):
        assert "template" not in str(path.relative_to(written)).lower()
        assert not path.is_file() or "template" not in path.read_text().lower()


def test_the_command_writes_here_and_says_what_to_type_next(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["plugins", "new", "deapnets-rings"])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "deapnets-rings" / "deapnets_rings" / "evaluator.py").is_file()
    assert '  pip install -e "deapnets-rings[test]"\n' in result.output
    again = CliRunner().invoke(main, ["plugins", "new", "rings"])
    assert again.exit_code == 1
    assert again.output == (
        "Error: deapnets-rings is there already. Give another folder by --dir.\n"
    )


@pytest.mark.parametrize(
    "name", ["", "Two-Moons", "two_moons", "2-moons", "two--moons", "a b", "ä"]
)
def test_a_name_that_cannot_be_is_refused(name, tmp_path):
    with pytest.raises(OptionError, match="is called by words of small letters and digits"):
        write_plugin(name, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_class_that_would_be_a_word_of_python_is_refused(tmp_path):
    with pytest.raises(OptionError, match='"none" would give a class called None, a word of Py'):
        write_plugin("none", tmp_path / "new")


def test_a_name_that_is_installed_is_refused(tmp_path):
    with pytest.raises(
        PluginError, match=r'"xor" is installed already, by deapnets .*Choose anoth'
    ):
        write_plugin("xor", tmp_path / "new")


def test_a_file_in_the_way_is_told(tmp_path):
    (tmp_path / "new").write_text("")
    with pytest.raises(PluginError, match="new is there already"):
        write_plugin("rings", tmp_path / "new")


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PluginError, match="cannot be written: Not a directory"):
        write_plugin("rings", tmp_path / "file" / "new")


def test_an_installation_without_the_template_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(
        templating, "__file__", str(tmp_path / "deapnets" / "plugins" / "templating.py")
    )
    with pytest.raises(PluginError, match=r"The template is missing from .*: install deapnets ag"):
        write_plugin("rings", tmp_path / "new")
