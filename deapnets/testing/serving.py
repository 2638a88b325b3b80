"""`serve`: a server of files on this machine that misbehaves on demand, for tests of downloads."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Server(NamedTuple):
    """A server under way."""

    url: str  # base address: a file is at ``url/NAME``
    requests: list[tuple[str, dict[str, str]]]  # path and headers of each


@contextlib.contextmanager
def serve(files: Mapping[str, bytes], *, truncate: str = "", hang: float = 0.0) -> Iterator[Server]:
    """Serve files by their names while the block runs; others are a 404.

    Proxies are not asked for this machine's address where ``no_proxy`` is "127.0.0.1".

    Parameters
    ----------
    files
        Contents by name.
    truncate
        Half of each file is sent, with the length of the whole one ("declared") or with none
        ("undeclared").
    hang
        Seconds of silence before any answer.
    """
    requests: list[tuple[str, dict[str, str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append((self.path, dict(self.headers)))
            time.sleep(hang)
            content = files.get(self.path.removeprefix("/files/"))
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
    try:
        yield Server(f"http://127.0.0.1:{server.server_address[1]}/files", requests)
    finally:
        server.shutdown()
        server.server_close()
