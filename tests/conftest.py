"""What several tests share: classes of DEAP's creator, a small net, a toolbox, a browser."""

from __future__ import annotations

import configparser
import importlib
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import torch
from deap import base, creator, tools
from hypothesis import settings
from torch import nn

import deapnets as dn
from deapnets.genomes.layout import Layout
from deapnets.genomes.nodes import Node
from deapnets.plugins import EVALUATORS

settings.register_profile("deapnets", deadline=None, max_examples=40, derandomize=True)
settings.load_profile("deapnets")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Stop where the checkout has entry points that were not there when it was installed."""
    setup = configparser.ConfigParser()
    setup.read(session.config.rootpath / "setup.cfg")
    written = {
        (group, line.partition("=")[0].strip())
        for group, lines in setup["options.entry_points"].items()
        for line in lines.strip().splitlines()
    }
    known = {(entry.group, entry.name) for entry in metadata.distribution("deapnets").entry_points}
    missing = sorted(name for _, name in written - known)
    if missing:
        pytest.exit(
            f"The installed deapnets does not know {', '.join(missing)} of setup.cfg: an editable "
            "install reads entry points once. Install it again: pip install --no-deps -e .",
            returncode=3,
        )


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    random.seed(1)
    torch.manual_seed(1)


@pytest.fixture(scope="session")
def individual_class() -> type:
    """Return the class of an individual whose one objective is maximised.

    Unpickling puts another class of that name into `deap.creator`: compare with this one.
    """
    creator.create("FitnessOfTests", base.Fitness, weights=(1.0,))
    creator.create("IndividualOfTests", dn.WeightGenome, fitness=creator.FitnessOfTests)
    return creator.IndividualOfTests


@pytest.fixture(scope="session")
def pareto_class() -> type:
    """Return the class of an individual with one objective to maximise and one to minimise."""
    creator.create("ParetoFitnessOfTests", base.Fitness, weights=(1.0, -1.0))
    creator.create("ParetoOfTests", dn.WeightGenome, fitness=creator.ParetoFitnessOfTests)
    return creator.ParetoOfTests


@pytest.fixture
def net() -> nn.Module:
    """Return a net of 26 weights, the same in every test."""
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


@pytest.fixture
def make_toolbox(individual_class: type, net: nn.Module) -> Callable[..., base.Toolbox]:
    """Return a function that makes a toolbox; its keywords replace what is registered."""

    def make_toolbox(**replaced: Callable[..., Any]) -> base.Toolbox:
        toolbox = base.Toolbox()
        toolbox.register("individual", dn.initWeights, individual_class, net, sigma=0.1)
        toolbox.register("population", tools.initRepeat, list, toolbox.individual)
        toolbox.register("mate", dn.cxUniform, indpb=0.5)
        toolbox.register("mutate", dn.mutGaussian, sigma=0.1, indpb=0.1)
        toolbox.register("select", tools.selTournament, tournsize=3)
        toolbox.register(
            "evaluate", lambda individual: (-float(individual.weights.square().sum()),)
        )
        for name, function in replaced.items():
            toolbox.register(name, function)
        return toolbox

    return make_toolbox


@pytest.fixture(scope="session")
def leaf() -> Callable[..., Node]:
    """Return a function that makes a leaf of one parameter from its values ``[P]``."""

    def leaf(values: Any) -> Node:
        weights = torch.as_tensor(values, dtype=torch.float32).clone()
        return Node(Layout(("weight",), ((len(weights),),)), weights)

    return leaf


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every folder with a distribution off the path; what a check needs is loaded before."""
    importlib.import_module("packaging.requirements")
    bare = [path for path in sys.path if not any(metadata.distributions(path=[path]))]
    monkeypatch.setattr(sys, "path", bare)


@pytest.fixture
def install(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Path]:
    """Return a function that installs a distribution for this test, as metadata and modules.

    ``entries`` are lines of the entry-point group, that of evaluators unless ``group`` is another;
    each of ``modules`` is the source of a module by its name.
    """

    def install(
        name: str,
        entries: str,
        version: str = "1.0",
        meta: str = "dist-info",
        group: str = EVALUATORS,
        **modules: str,
    ) -> Path:
        folder = tmp_path_factory.mktemp("distribution")
        info = folder / f"{name.replace('-', '_')}-{version}.{meta}"
        info.mkdir()
        header = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (info / ("METADATA" if meta == "dist-info" else "PKG-INFO")).write_text(header)
        (info / "entry_points.txt").write_text(f"[{group}]\n{entries}\n")
        for module, source in modules.items():
            (folder / f"{module}.py").write_text(source)
            monkeypatch.delitem(sys.modules, module, raising=False)
        # Not syspath_prepend: undone, it would leave the path that it found, however bare that was.
        monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
        importlib.invalidate_caches()
        return folder

    return install


FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Return a driver of Debian's chromium, without a screen: it hears of messages and requests."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    chromedriver = shutil.which("chromedriver")
    if not (chromium and chromedriver):
        pytest.skip("needs chromium and chromedriver: apt install chromium-driver")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
    yield driver
    driver.quit()
