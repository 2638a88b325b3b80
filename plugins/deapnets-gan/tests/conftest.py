"""Small image sets, and the tests are left out where the plugin is not installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
import torch

if TYPE_CHECKING:
    from deapnets_gan.images import ImageSet

# A checkout that was installed before this plugin was there: pip install -e plugins/deapnets-gan
collect_ignore_glob = [] if find_spec("deapnets_gan") else ["test_*.py"]


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep classifiers in a folder of this session; worker processes find them there too."""
    patch = pytest.MonkeyPatch()
    patch.setenv("DEAPNETS_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


def bars(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images [n, 1, 8, 8] of a bar, upright or level in turn, and their classes."""
    generator = torch.Generator().manual_seed(seed)
    images = 0.1 * torch.rand(count, 1, 8, 8, generator=generator)
    labels = torch.arange(count) % 2
    places = torch.randint(8, (count,), generator=generator)
    for image, label, place in zip(images, labels, places, strict=True):
        image[0][(slice(None), place) if label else (place,)] += 0.8
    return images, labels


@pytest.fixture(scope="session")
def images() -> ImageSet:
    """Return 300 training images of bars, 60 held out, 200 for the report."""
    from deapnets_gan.images import ImageSet

    train, held, test = bars(300, 1), bars(60, 2), bars(200, 3)
    return ImageSet("bars", *train, held[0], *test)
