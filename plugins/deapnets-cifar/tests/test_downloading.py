"""CIFAR-10 from an archive: downloaded once, unpacked by name, and whole or not there."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import tarfile

import pytest

from deapnets.errors import DataError
from deapnets.testing.serving import serve

datasets = pytest.importorskip("deapnets_cifar.datasets", reason="deapnets-cifar is not installed")
downloading = pytest.importorskip("deapnets_cifar.downloading")
NAME, *_ = downloading.CIFAR10.files
REFUSED = "http://127.0.0.1:1/files"  # nothing listens on port 1


def images(label, count):
    """Return records of one label: made-up images in CIFAR-10's format."""
    return (bytes([label]) + bytes([20 * label]) * 3072) * count


PARTS = {
    **{f"data_batch_{number}.bin": images(number, 4) for number in range(1, 6)},
    "test_batch.bin": images(9, 3),
}


def archive_of(parts):
    """Return an archive with the published layout."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, data in parts.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return content.getvalue()


ARCHIVE = archive_of(
    {
        **{f"cifar-10-batches-bin/{name}": data for name, data in PARTS.items()},
        "cifar-10-batches-bin/readme.html": b"<html>",
    }
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The folder of downloads, empty, in an environment that names no other data."""
    for name in ("DEAPNETS_DATA", "DEAPNETS_CIFAR10_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache" / project)
    return tmp_path / "cache" / "deapnets" / "cifar10"


def source_of(server, archive=ARCHIVE):
    sums = {NAME: hashlib.md5(archive).hexdigest()}
    return dataclasses.replace(downloading.CIFAR10, files=sums, mirrors=[server.url])


def parts_in(folder):
    return {name: (folder / name).read_bytes() for name in PARTS if (folder / name).is_file()}


def test_the_archive_is_downloaded_unpacked_and_read_once(cache):
    with serve({NAME: ARCHIVE}) as server:
        source = source_of(server)
        first = datasets.load_cifar10(None, source)
        again = datasets.load_cifar10(None, dataclasses.replace(source))
        assert len(server.requests) == 1
    assert parts_in(cache) == PARTS
    assert sorted(path.name for path in cache.iterdir()) == sorted([*PARTS, "checksums.json"])
    assert first.train.labels.tolist() == [1] * 4 + [2] * 4 + [3] * 2
    assert first.validation.labels.tolist() == [3] * 2 + [4] * 4 + [5] * 4
    assert again.test.labels.tolist() == [9] * 3


def test_the_published_archive_is_asked_for_by_its_published_checksum():
    assert downloading.CIFAR10.addresses() == ("https://www.cs.toronto.edu/~kriz",)
    expected = {"cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"}
    assert downloading.CIFAR10.files == expected


@pytest.mark.parametrize("how", ["declared", "undeclared", "404", "wrong checksum"])
def test_an_archive_that_is_not_the_published_one_is_never_unpacked(cache, how):
    truncate = how if how.endswith("declared") else ""
    files = {} if how == "404" else {NAME: ARCHIVE}
    with serve(files, truncate=truncate) as server:
        archive = b"another" if how == "wrong checksum" else ARCHIVE
        with pytest.raises(DataError, match=r"CIFAR-10 is neither in .* the download failed"):
            downloading.unpacked(source_of(server, archive))
    assert list(cache.iterdir()) == []
    with serve({NAME: ARCHIVE}) as server:  # and the next run begins again
        assert parts_in(downloading.unpacked(source_of(server))) == PARTS


def test_without_a_network_one_line_says_what_to_do(cache):
    source = dataclasses.replace(downloading.CIFAR10, mirrors=[REFUSED])
    with pytest.raises(DataError) as caught:
        datasets.load_cifar10(None, source)
    told = str(caught.value)
    assert f"Download {NAME} on another machine and put it into {cache}." in told
    assert told.endswith("Or use -o dataset=digits, which needs no download.")
    assert "data=DIR" in told
    assert "\n" not in told


def test_an_archive_that_somebody_put_there_needs_no_network(cache):
    cache.mkdir(parents=True)
    (cache / NAME).write_bytes(ARCHIVE)
    with serve({}) as server:
        assert parts_in(downloading.unpacked(source_of(server))) == PARTS
        assert server.requests == []


def test_a_part_that_was_damaged_since_is_unpacked_anew(cache):
    with serve({NAME: ARCHIVE}) as server:
        downloading.unpacked(source_of(server))
        (cache / "data_batch_3.bin").write_bytes(b"half")
        assert not downloading.is_whole(cache)
        downloading.unpacked(source_of(server))
        assert len(server.requests) == 2
    assert parts_in(cache) == PARTS


def test_nothing_is_written_outside_and_nothing_but_the_parts(cache, tmp_path):
    strange = {
        "../../../escaped.bin": b"x",
        "/tmp/deapnets-escaped.bin": b"x",
        **{f"../../{name}": data for name, data in PARTS.items()},
    }
    archive = archive_of(strange)
    with serve({NAME: archive}) as server:
        downloading.unpacked(source_of(server, archive))
    written = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {*PARTS, "checksums.json"}
    assert parts_in(cache) == PARTS


def test_an_archive_without_all_parts_is_refused(cache):
    archive = archive_of({"data_batch_1.bin": images(1, 1)})
    said = pytest.raises(DataError, match=r"lacks data_batch_2.bin, .* test_batch.bin\.")
    with serve({NAME: archive}) as server, said:
        downloading.unpacked(source_of(server, archive))
    assert not downloading.is_whole(cache)


def test_an_archive_that_is_none_is_refused(cache):
    said = pytest.raises(DataError, match="cannot be unpacked")
    with serve({NAME: b"no archive"}) as server, said:
        downloading.unpacked(source_of(server, b"no archive"))


def test_it_is_said_where_the_data_are_or_will_be(cache, tmp_path, monkeypatch):
    assert datasets.find_cifar10().startswith(f"170 MB are downloaded to {cache} on first use")
    with serve({NAME: ARCHIVE}) as server:
        downloading.unpacked(source_of(server))
    assert datasets.find_cifar10() == str(cache)
    shared = tmp_path / "data" / "cifar10"
    shared.mkdir(parents=True)
    monkeypatch.setenv("DEAPNETS_DATA", str(shared.parent))
    assert datasets.find_cifar10() == str(cache)  # nothing is in the shared folder yet
    for name, data in PARTS.items():
        (shared / name).write_bytes(data)
    assert datasets.find_cifar10() == str(shared)
    (shared / "test_batch.bin").unlink()
    with pytest.raises(DataError, match=r"test_batch.bin is missing, and test_batch.bin.gz is too"):
        datasets.find_cifar10(shared)
