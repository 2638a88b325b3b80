"""Made-up data in IDX files, a server that misbehaves on demand, the real MNIST if it is there."""

from __future__ import annotations

import gzip
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from deapnets.idx import encode_idx as _encode


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
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., SimpleNamespace]]:
    """Return a function that starts a server of some files on this machine.

    ``truncate``: half of each file is sent, with the length of the whole one ("declared") or with
    none ("undeclared"). ``hang``: seconds of silence before any answer. The server that is returned
    has a ``url`` and the ``requests`` it got, as pairs of path and headers.
    """
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    servers = []

    def start(files: dict[str, bytes], truncate: str = "", hang: float = 0) -> SimpleNamespace:
        requests = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                requests.append((self.path, dict(self.headers)))
                time.sleep(hang)
                content = files.get(self.path.removeprefix("/mnist/"))
                if content is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                if truncate != "undeclared":
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if truncate else content)

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        url = f"http://127.0.0.1:{server.server_address[1]}/mnist"
        return SimpleNamespace(url=url, requests=requests)

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


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
