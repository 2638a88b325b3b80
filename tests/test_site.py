"""The site's generated pages are those of the code, and every page has its place in it."""

from __future__ import annotations

import copy
import importlib.util
import re
import time
from pathlib import Path

import click
import pytest

import deapnets as dn
from deapnets.cli import main

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def tool():
    """Return ``tools/pages.py`` as a module."""
    spec = importlib.util.spec_from_file_location("deapnets_pages", ROOT / "tools" / "pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["cli.md", "api.md"])
def test_a_generated_page_is_what_the_code_says(tool, name):
    found = {path.name: text for path, text in tool.pages().items()}[name]
    written = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert written == found, "write the pages anew: python tools/pages.py"


def test_the_page_of_commands_does_not_depend_on_who_asked_for_help_before(tool, monkeypatch):
    command = copy.copy(main.get_command(click.Context(main), "doctor"))
    command._help_option = None  # as if nobody had asked yet
    monkeypatch.setattr("deapnets.cli.doctor.doctor", command)
    assert "-h, --help" not in command.get_help(click.Context(command))
    assert "-h, --help" in tool.cli_page().partition("## deapnets doctor")[2]


def test_every_public_name_is_in_the_reference():
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    names = [reference.rpartition(".")[2] for reference in re.findall(r"^::: (.*)$", page, re.M)]
    assert sorted(names) == sorted(dn.__all__)


def test_every_page_has_its_place_in_the_site():
    configuration = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = re.findall(r"^ +- (\S+\.md)$", configuration, re.M)
    assert sorted(listed) == sorted(path.name for path in (ROOT / "docs").glob("*.md"))


WORKER = "addEventListener('message', (event) => postMessage(2 * event.data))"

PAGE = """<body><script src="iframe-worker.js"></script><script>
const worker = new Worker("worker.js");
worker.addEventListener("message", (event) => { document.body.dataset.said = event.data; });
worker.postMessage(21);
</script></body>"""


def test_a_page_from_the_disk_has_a_worker_which_its_search_needs(browser, tmp_path):
    script = ROOT / "docs" / "assets" / "iframe-worker.js"
    assert "polyfills: [assets/iframe-worker.js]" in (ROOT / "mkdocs.yml").read_text("utf-8")
    for name, text in {
        "iframe-worker.js": script.read_text(encoding="utf-8"),
        "worker.js": WORKER,
        "page.html": PAGE,
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    browser.get((tmp_path / "page.html").as_uri())
    for _ in range(200):
        said = browser.execute_script("return document.body.dataset.said")
        if said:
            break
        time.sleep(0.05)
    assert said == "42"
