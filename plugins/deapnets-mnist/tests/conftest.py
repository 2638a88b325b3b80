"""Made-up data in IDX files, a server that misbehaves on demand, the real MNIST if it is there."""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from deapnets.files.idx import encode_idx as _encode
from deapnets.testing.serving import Server
from deapnets.testing.serving import serve as _serve


@pytest.fixture(scope="session")
def encode_idx() -> Callable[[np.ndarray], bytes]:
    """Return the writer that is the reader's counterpart: array in, bytes of an IDX file out."""
    return _encode


@pytest.fixture
def parts() -> dict[str, np.ndarray]:
    """Twelve training and five test images of 4x6 pixels in three classes, by file name."""
    rng = np.random.default_rng(7)
    return {
        "train-images-idx3-ubyte": rng.integers(0, 256, (12, 4, 6), dtype=np.uint8),
        "train-labels-idx1-ubyte": np.arange(12, dtype=np.uint8) % 3,
        "t10k-images-idx3-ubyte": rng.integers(0, 256, (5, 4, 6), dtype=np.uint8),
        "t10k-labels-idx1-ubyte": np.arange(5, dtype=np.uint8) % 3,
    }


@pytest.fixture
def idx_folder(tmp_path: Path, parts: dict[str, np.ndarray]) -> Path:
    """Return a folder that holds the parts as plain IDX files."""
    folder = tmp_path / "plain"
    folder.mkdir()
    for name, array in parts.items():
        (folder / name).write_bytes(_encode(array))
    return folder


@pytest.fixture
def published(parts: dict[str, np.ndarray]) -> dict[str, bytes]:
    """Return the parts as a mirror serves them: gzip-compressed, by file name."""
    return {f"{name}.gz": gzip.compress(_encode(part), mtime=0) for name, part in parts.items()}


@pytest.fixture
def checksums(published: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.md5(content).hexdigest() for name, content in published.items()}


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Server]]:
    """Return a function that starts a server of some files on this machine."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ExitStack() as servers:
        yield lambda *args, **how: servers.enter_context(_serve(*args, **how))


@pytest.fixture
def mnist_folder() -> Path:
    """Return the folder of the real MNIST; the test is skipped where there is none."""
    root = os.environ.get("DEAPNETS_DATA")
    if not root:
        pytest.skip("DEAPNETS_DATA is not set: the real MNIST is not here")
    folder = Path(root) / "mnist"
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}: the real MNIST is not here")
    return folder
