"""Published files: where they are looked for, and that they are downloaded once, whole or not."""

import hashlib
import re
import subprocess
import sys

import pytest

from deapnets.errors import DataError
from deapnets.files.downloading import Source, sole
from deapnets.testing.serving import serve

FILES = {"one.bin": bytes(range(256)) * 40, "two.bin": b"two" * 999}
REFUSED = "http://127.0.0.1:1/files"  # nothing listens on port 1


def source_of(*mirrors):
    sums = {name: hashlib.md5(content).hexdigest() for name, content in FILES.items()}
    return Source("Shapes", "shapes", sums, mirrors, "DEAPNETS_SHAPES_MIRROR", "Or draw some.")


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """An environment that names no other source, and no proxy for this machine."""
    for name in ("DEAPNETS_DATA", "DEAPNETS_SHAPES_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files_are_downloaded_once(tmp_path):
    with serve(FILES) as server:
        for _ in range(2):
            source_of(server.url).download(tmp_path)
        assert [path for path, _ in server.requests] == ["/files/one.bin", "/files/two.bin"]
    assert contents(tmp_path) == FILES


@pytest.mark.parametrize("how", ["declared", "undeclared", "missing", "changed"])
def test_what_is_not_as_published_is_left_out_and_the_next_mirror_asked(tmp_path, how):
    files = {"missing": {}, "changed": dict.fromkeys(FILES, b"wrong")}.get(how, FILES)
    truncate = how if how.endswith("declared") else ""
    with serve(files, truncate=truncate) as bad, serve(FILES) as good:
        with pytest.raises(DataError, match="the download failed"):
            source_of(bad.url).download(tmp_path)
        assert contents(tmp_path) == {}
        source_of(bad.url, good.url).download(tmp_path)
    assert contents(tmp_path) == FILES


def test_a_file_that_was_damaged_since_is_downloaded_anew(tmp_path):
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "two.bin").write_bytes(b"tw")
    with serve(FILES) as server:
        source_of(server.url).download(tmp_path)
        assert [path for path, _ in server.requests] == ["/files/two.bin"]
    assert contents(tmp_path) == FILES


def test_without_a_network_it_is_said_what_to_fetch_and_where_to_put_it(tmp_path):
    (tmp_path / "one.bin").write_bytes(FILES["one.bin"])
    expected = (
        f"Shapes is neither in $DEAPNETS_DATA/shapes nor in {tmp_path}, and the download failed "
        f"({REFUSED}: NewConnectionError"
    )
    with pytest.raises(DataError, match=re.escape(expected)) as caught:
        source_of(REFUSED).download(tmp_path)
    told = str(caught.value)
    way_out = f"Download two.bin on another machine and put it into {tmp_path}. Or draw some."
    assert told.endswith(way_out)
    assert "\n" not in told
    with pytest.raises(DataError, match="no mirror is given"):
        source_of().download(tmp_path)


def test_an_environment_variable_names_other_mirrors(monkeypatch):
    assert source_of("a", "b").addresses() == ("a", "b")
    monkeypatch.setenv("DEAPNETS_SHAPES_MIRROR", "c d")
    assert source_of("a", "b").addresses() == ["c", "d"]


def test_the_shared_folder_is_the_environments(monkeypatch, tmp_path):
    assert source_of().shared() is None
    monkeypatch.setenv("DEAPNETS_DATA", str(tmp_path))
    assert source_of().shared() == tmp_path / "shapes"


BRING = """
import sys
from pathlib import Path
from deapnets.files.downloading import Source, sole
folder, mirror, *pairs = sys.argv[1:]
sums = dict(pair.split("=") for pair in pairs)
with sole(Path(folder)):
    Source("Shapes", "shapes", sums, [mirror], "NONE", "").download(Path(folder))
"""


def test_of_several_processes_one_downloads_and_the_others_wait(tmp_path):
    pairs = [f"{name}={md5}" for name, md5 in source_of().files.items()]
    folder = tmp_path / "cache"
    with serve(FILES, hang=0.2) as server:
        arguments = [sys.executable, "-c", BRING, str(folder), server.url, *pairs]
        processes = [subprocess.Popen(arguments) for _ in range(3)]
        assert [process.wait() for process in processes] == [0, 0, 0]
        assert len(server.requests) == len(FILES)
    assert contents(folder) == FILES


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    folder = tmp_path / "cache" / "shapes"
    said = pytest.raises(DataError, match=f"Downloads go to {folder}, and that failed")
    with said, sole(folder):
        pass


def test_an_error_of_the_block_is_its_own(tmp_path):
    with pytest.raises(OSError, match="of the block"), sole(tmp_path):
        raise OSError("of the block")
