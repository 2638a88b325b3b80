"""The pages do what they say: their blocks of Python run, and print what stands below them."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced blocks of a language, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [body for name, body in FENCE.findall(text) if name == language]


def script_of(page: str) -> str:
    """Return the page's blocks of Python as one script, each line where it stands in the page."""
    lines, inside = [], False
    for line in (ROOT / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            inside = line == "```python"
            lines.append("")
        else:
            lines.append(line if inside else "")
    return "\n".join(lines)


def run(*arguments: str, cwd: Path, **environment: str) -> str:
    """Return what a command prints; an error that shows all of it when it fails."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "100", **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "docs/architectures.md",
        "docs/evaluators.md",
        "docs/modules.md",
        "docs/operators.md",
        "docs/plugins.md",
        "docs/programs.md",
        "docs/reproducibility.md",
        "docs/run-directory.md",
        "docs/runs.md",
        "docs/testing.md",
        "docs/tutorial.md",
        "docs/coming-from.md",
        "docs/strategies.md",
        "docs/toolbox.md",
    ],
)
def test_blocks_of_a_page_run_and_print_what_it_says(page, tmp_path):
    assert blocks(page, "python")
    script = tmp_path / f"{Path(page).stem.lower()}.py"
    script.write_text(script_of(page), encoding="utf-8")
    printed = run("-W", "error", str(script), cwd=tmp_path)
    assert printed == "".join(blocks(page, "text"))


@pytest.mark.parametrize("library", ["deap", "pygad", "evotorch"])
def test_the_same_job_with_another_library_runs(library, tmp_path):
    """Their own warnings are not ours: torch's deprecations, say."""
    pytest.importorskip(library, reason=f"needs {library}: pip install deapnets[benchmarks]")
    (script,) = [
        block
        for block in blocks("docs/coming-from.md", "py")
        if re.search(rf"^(from|import) {library}\b", block, re.M)
    ]
    path = tmp_path / "job.py"
    path.write_text(script, encoding="utf-8")
    assert run(str(path), cwd=tmp_path).splitlines()[-1] == "loss below 0.4: True"


def anchor(heading: str) -> str:
    """Return what a link to a heading says, as mkdocs and GitHub have it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page):
    for target in re.findall(r"(?<!!)\[[^]]*\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        file, _, heading = target.partition("#")
        if "://" in target:
            continue
        linked = page.parent / file if file else page
        assert linked.exists(), target
        headings = re.findall("^#+ (.*)$", linked.read_text(encoding="utf-8"), re.M)
        assert not heading or heading in map(anchor, headings), target


@pytest.mark.parametrize("page", [*PAGES, *ROOT.glob("plugins/*/README.md")], ids=str)
def test_a_page_installs_from_this_checkout_all_that_a_plugin_asks_for(page):
    """Nothing of it is on PyPI, where a name may be anybody's."""
    for line in re.findall(r"pip install (.*)", page.read_text(encoding="utf-8")):
        assert not re.search(r"(^| )deapnets(-\w+)?( |$)", line), line
        installed = set(re.findall(r"-e plugins/(\S+)", line))
        for name in installed:
            setup = ConfigParser()
            setup.read(ROOT / "plugins" / name / "setup.cfg")
            asked = setup["options"]["install_requires"].split()
            assert {one for one in asked if one.startswith("deapnets-")} <= installed, line
            assert " -e . " in line


def test_architecture_page_has_the_order_of_imports_that_a_test_demands():
    tests = ast.parse((ROOT / "tests" / "test_imports.py").read_text(encoding="utf-8"))
    (order,) = (
        ast.literal_eval(node.value)
        for node in tests.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ORDER"
    )
    there = {path.stem for path in (ROOT / "deapnets").iterdir()}
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    written = re.search(r"not from each other:\n\n((?:    .*\n)+)", page)
    assert written is not None
    lines = [set(line.split()) for line in written[1].splitlines()]
    assert lines == [packages & there for packages in order if packages & there]


def installed(page: str, source: str, folder: Path) -> Path:
    """Return a folder with the plugin of a page, as an installation leaves it."""
    (setup,) = blocks(page, "ini")
    config = ConfigParser()
    config.read_string(setup)
    module = config["options"]["py_modules"]
    (folder / f"{module}.py").write_text(source, encoding="utf-8")
    name, version = config["metadata"]["name"], config["metadata"]["version"]
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n", encoding="utf-8")
    entries = "\n".join(f"[{g}]{e}" for g, e in config["options.entry_points"].items())
    (info / "entry_points.txt").write_text(entries, encoding="utf-8")
    return folder


@pytest.fixture
def parity(tmp_path: Path) -> Path:
    """Return a folder with the plugin of docs/evaluators.md."""
    source = [block for block in blocks("docs/evaluators.md", "python") if "class Parity" in block]
    return installed("docs/evaluators.md", source[0], tmp_path)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Return a folder with the plugin of docs/plugins.md, and its tests."""
    *source, tests = blocks("docs/plugins.md", "python")
    imported = "from deapnets_mine import ClimbSettings, Csv\n"
    (tmp_path / "test_mine.py").write_text(imported + tests, encoding="utf-8")
    return installed("docs/plugins.md", "".join(source), tmp_path)


def deapnets(*arguments: str, plugin: Path) -> str:
    call = "import sys; from deapnets.cli import main; main(sys.argv[1:])"
    return run("-c", call, *arguments, cwd=plugin, PYTHONPATH=str(plugin))


def test_plugin_of_the_page_is_usable_and_explains_its_options(parity):
    assert deapnets("plugins", "check", "parity", plugin=parity).split()[:3] == [
        "parity",
        "deapnets-parity",
        "usable",
    ]
    (console,) = blocks("docs/evaluators.md", "console")
    shown = console.partition("$ deapnets plugins show parity\n")[2].partition("$ ")[0]
    assert deapnets("plugins", "show", "parity", plugin=parity) == shown


def test_plugin_of_the_page_runs(parity):
    arguments = ("-o", "bits=4", "--generations", "2", "--seed", "1", "--out", "run", "--json")
    deapnets("run", "parity", *arguments, plugin=parity)
    assert (parity / "run" / "best.safetensors").is_file()


def test_what_the_page_of_plugins_brings_is_usable_and_keeps_its_contracts(mine):
    names = ("climb", "logistic", "csv", "fittest")
    checked = deapnets("plugins", "check", *names, plugin=mine).splitlines()
    assert [line.split()[:3] for line in checked] == [
        [name, "deapnets-mine", "usable"] for name in names
    ]
    tests = run("-m", "pytest", "-q", "test_mine.py", cwd=mine, PYTHONPATH=str(mine))
    assert re.search(r"^\d+ passed", tests, re.M)


def test_what_the_page_of_plugins_brings_runs(mine):
    run_ = ("run", "xor", "--generations", "30", "--seed", "1", "--json")
    deapnets(*run_, "--algorithm", "climb", "--log", "csv", "--out", "runs/climb", plugin=mine)
    log = (mine / "runs" / "climb" / "csv" / "log.csv").read_text(encoding="utf-8").splitlines()
    assert (log[0], len(log)) == ("generation,best,seconds", 32)
    noise = ("--algorithm", "es", "-a", "rank=none", "-a", "distribution=logistic")
    deapnets(*run_, *noise, "--out", "runs/es", plugin=mine)
    assert deapnets("fittest", plugin=mine).startswith("runs")
