import dataclasses
import gzip
import hashlib
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from deapnets_mnist import datasets
from deapnets_mnist.datasets import (
    CHECKSUMS,
    MIRRORS,
    load_digits,
    load_idx_folder,
    load_mnist,
    split_validation,
    to_inputs,
)
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from deapnets.errors import DataError, OptionError

REFUSED = "http://127.0.0.1:1/mnist"  # nothing listens on port 1


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder, and an environment that names no other source."""
    monkeypatch.delenv("DEAPNETS_DATA", raising=False)
    monkeypatch.delenv("DEAPNETS_MNIST_MIRROR", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "cache" / "mnist"


def assert_holds(dataset, parts):
    got = (dataset.train_images, dataset.train_labels, dataset.test_images, dataset.test_labels)
    for array, expected in zip(got, parts.values(), strict=True):
        np.testing.assert_array_equal(array, expected)


# --- a folder of IDX files ---


def test_folder_is_loaded_as_it_was_written(idx_folder, parts):
    dataset = load_idx_folder(idx_folder, "shapes")
    assert_holds(dataset, parts)
    assert (dataset.name, dataset.classes) == ("shapes", 3)
    assert dataset.train_images.dtype == np.uint8
    assert dataset.train_labels.dtype == dataset.test_labels.dtype == np.int64


@pytest.mark.parametrize("spelling", ["{}.gz", "dotted", "dotted.gz"])
def test_every_usual_spelling_is_found(idx_folder, parts, spelling):
    for name in parts:
        content = (idx_folder / name).read_bytes()
        (idx_folder / name).unlink()
        new = spelling.format(name).replace("dotted", name.replace("-idx", ".idx"))
        (idx_folder / new).write_bytes(gzip.compress(content) if new.endswith("gz") else content)
    assert_holds(load_idx_folder(str(idx_folder), "shapes"), parts)


def test_missing_files_and_the_folder_are_named(idx_folder):
    (idx_folder / "train-labels-idx1-ubyte").unlink()
    (idx_folder / "t10k-images-idx3-ubyte").unlink()
    expected = (
        'Dataset "shapes": missing train-labels-idx1-ubyte, t10k-images-idx3-ubyte. '
        f"Looked in {idx_folder}. Each name may end in .gz."
    )
    with pytest.raises(DataError, match=re.escape(expected)):
        load_idx_folder(idx_folder, "shapes")


def test_folder_that_is_none_is_said_to_be_none(tmp_path):
    with pytest.raises(DataError, match="nowhere, which is not a folder"):
        load_idx_folder(tmp_path / "nowhere", "shapes")


@pytest.mark.parametrize(
    ("part", "array", "message"),
    [
        ("train-images-idx3-ubyte", np.zeros((12, 24), "u1"), "expected images, uint8 [n, height"),
        ("train-images-idx3-ubyte", np.zeros((12, 4, 6), "f4"), "got float32 [12, 4, 6]"),
        ("train-images-idx3-ubyte", np.zeros((0, 4, 6), "u1"), "no images: its shape is [0, 4, 6]"),
        ("t10k-images-idx3-ubyte", np.zeros((5, 4, 0), "u1"), "no images: its shape is [5, 4, 0]"),
        ("t10k-images-idx3-ubyte", np.zeros((5, 6, 4), "u1"), "images of 6x4 pixels, but "),
        ("train-labels-idx1-ubyte", np.zeros((12, 1), "u1"), "expected labels, integers [n], got"),
        ("train-labels-idx1-ubyte", np.zeros(12, "f8"), "integers [n], got float64 [12]"),
        ("train-labels-idx1-ubyte", np.full(12, -1, "i1"), "label -1: labels count from 0"),
        ("train-labels-idx1-ubyte", np.zeros(11, "u1"), "11 labels, but "),
        ("t10k-labels-idx1-ubyte", np.zeros(0, "u1"), "0 labels, but "),
        ("t10k-labels-idx1-ubyte", np.full(5, 3, "u1"), "label 3 does not occur in training: "),
    ],
)
def test_parts_that_do_not_fit_are_refused(idx_folder, encode_idx, part, array, message):
    (idx_folder / part).write_bytes(encode_idx(array))
    with pytest.raises(DataError, match=re.escape(f"{part}: ") + ".*" + re.escape(message)):
        load_idx_folder(idx_folder, "shapes")


def test_dataset_is_frozen(idx_folder):
    with pytest.raises(dataclasses.FrozenInstanceError):
        load_idx_folder(idx_folder, "shapes").classes = 4


# --- where MNIST comes from ---


def test_given_folder_is_used_without_any_download(idx_folder, parts, cache, serve, published):
    server = serve(published)
    assert_holds(load_mnist(idx_folder, mirrors=[server.url], cache=cache), parts)
    assert server.requests == []
    assert not cache.exists()


def test_given_folder_without_data_is_an_error_not_a_download(
    tmp_path, cache, serve, published, checksums
):
    server = serve(published)
    with pytest.raises(DataError, match="missing train-images-idx3-ubyte"):
        load_mnist(tmp_path / "empty", mirrors=[server.url], cache=cache, checksums=checksums)
    assert server.requests == []


def test_environment_names_the_folder_of_all_data(idx_folder, parts, cache, monkeypatch):
    idx_folder.rename(idx_folder.with_name("mnist"))
    monkeypatch.setenv("DEAPNETS_DATA", str(idx_folder.parent))
    assert_holds(load_mnist(mirrors=(), cache=cache), parts)


def test_environment_without_all_files_falls_to_the_cache(
    idx_folder, parts, cache, monkeypatch, serve, published, checksums
):
    mnist = idx_folder.rename(idx_folder.with_name("mnist"))
    (mnist / "t10k-images-idx3-ubyte").unlink()
    monkeypatch.setenv("DEAPNETS_DATA", str(mnist.parent))
    server = serve(published)
    assert_holds(load_mnist(mirrors=[server.url], cache=cache, checksums=checksums), parts)
    assert len(server.requests) == 4


def test_files_are_downloaded_once(parts, cache, serve, published, checksums):
    server = serve(published)
    for _ in range(2):
        dataset = load_mnist(mirrors=[server.url + "/"], cache=cache, checksums=checksums)
        assert_holds(dataset, parts)
    assert [path for path, _ in server.requests] == [f"/files/{file}" for file in CHECKSUMS]
    assert {headers["Accept-Encoding"] for _, headers in server.requests} == {"identity"}
    assert sorted(file.name for file in cache.iterdir()) == sorted(CHECKSUMS)


def test_next_mirror_gives_what_the_first_one_lacks(parts, cache, serve, published, checksums):
    first_file, *_ = published
    poor, rich = serve({first_file: published[first_file]}), serve(published)
    mirrors = [REFUSED, poor.url, rich.url]
    assert_holds(load_mnist(mirrors=mirrors, cache=cache, checksums=checksums), parts)
    assert len(poor.requests) == 2  # the first file, then a 404
    assert len(rich.requests) == 3  # the other ones


def test_environment_names_the_mirrors(parts, cache, serve, published, checksums, monkeypatch):
    server = serve(published)
    monkeypatch.setenv("DEAPNETS_MNIST_MIRROR", f"{REFUSED} {server.url}")
    assert_holds(load_mnist(cache=cache, checksums=checksums), parts)


def test_mirrors_are_the_public_ones_unless_told_otherwise(cache):
    assert datasets.SOURCE.addresses() == MIRRORS


def test_cache_is_in_the_users_cache_folder(parts, cache, published, checksums, monkeypatch):
    monkeypatch.setattr("pooch.os_cache", lambda project: cache.parent / project)
    folder = cache.parent / "deapnets" / "mnist"
    folder.mkdir(parents=True)
    for name, content in published.items():
        (folder / name).write_bytes(content)
    assert_holds(load_mnist(mirrors=(), checksums=checksums), parts)


@pytest.mark.parametrize("truncate", ["declared", "undeclared"])
def test_half_a_download_is_never_kept(cache, serve, published, checksums, truncate):
    server = serve(published, truncate=truncate)
    with pytest.raises(DataError, match="the download failed"):
        load_mnist(mirrors=[server.url], cache=cache, checksums=checksums)
    assert list(cache.iterdir()) == []


def test_half_a_file_in_the_cache_is_downloaded_anew(parts, cache, serve, published, checksums):
    cache.mkdir(parents=True)
    for name, content in published.items():
        (cache / name).write_bytes(content)
    damaged = cache / "train-images-idx3-ubyte.gz"
    damaged.write_bytes(damaged.read_bytes()[:50])
    server = serve(published)
    assert_holds(load_mnist(mirrors=[server.url], cache=cache, checksums=checksums), parts)
    assert [path for path, _ in server.requests] == [f"/files/{damaged.name}"]


def test_half_a_file_in_the_cache_is_not_used_offline(cache, published, checksums):
    cache.mkdir(parents=True)
    for name, content in published.items():
        (cache / name).write_bytes(content[:-1] if "t10k-labels" in name else content)
    with pytest.raises(DataError, match=r"Download t10k-labels-idx1-ubyte\.gz on another machine"):
        load_mnist(mirrors=[REFUSED], cache=cache, checksums=checksums)


def test_wrong_checksum_is_refused_by_every_mirror(cache, serve, published):
    server = serve(published)
    with pytest.raises(DataError, match=r"does not match the known hash.*Download train-images"):
        load_mnist(mirrors=[server.url], cache=cache)
    assert list(cache.iterdir()) == []


def test_silent_mirror_is_given_up(parts, cache, serve, published, checksums, monkeypatch):
    monkeypatch.setattr("deapnets.files.downloading.TIMEOUT", (0.1, 0.1))
    silent, good = serve(published, hang=0.5), serve(published)
    mirrors = [silent.url, good.url]
    assert_holds(load_mnist(mirrors=mirrors, cache=cache, checksums=checksums), parts)
    assert len(silent.requests) == 1


@pytest.mark.parametrize(
    ("mirrors", "reason"),
    [((), "no mirror is given"), ((REFUSED,), f"{REFUSED}: NewConnectionError")],
)
def test_offline_error_says_what_to_fetch_and_where_to_put_it(cache, mirrors, reason):
    with pytest.raises(DataError) as caught:
        load_mnist(mirrors=mirrors, cache=cache)
    message = str(caught.value)
    assert reason in message
    assert f"Download {', '.join(CHECKSUMS)} on another machine" in message
    assert f"put them into {cache}" in message
    assert "$DEAPNETS_DATA/mnist" in message
    assert "data=DIR" in message
    assert "-o dataset=digits" in message
    assert "\n" not in message


def test_cache_that_cannot_be_written_is_an_error_of_ours(cache, serve, published, checksums):
    cache.parent.parent.joinpath("cache").write_text("a file where the folder should be")
    with pytest.raises(DataError, match=r"Downloads go to .*, and that failed"):
        load_mnist(mirrors=[serve(published).url], cache=cache, checksums=checksums)


def test_real_mnist_is_what_its_authors_describe(mnist_folder):
    dataset = load_mnist(mnist_folder)
    assert dataset.train_images.shape == (60_000, 28, 28)
    assert dataset.test_images.shape == (10_000, 28, 28)
    assert dataset.classes == 10
    assert dataset.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert dataset.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    # The mean of all training pixels that everybody normalises MNIST with.
    assert dataset.train_images.mean() / 255 == pytest.approx(0.1307, abs=5e-5)


def test_real_mnist_has_the_published_checksums(mnist_folder):
    assert datasets.SOURCE.unusable(mnist_folder) == []


# --- the digits of scikit-learn ---


def test_a_fifth_of_each_class_of_digits_is_for_testing():
    digits = load_digits()
    assert digits.train_images.shape == (1437, 8, 8)
    assert digits.test_images.shape == (360, 8, 8)
    assert digits.classes == 10
    train, test = np.bincount(digits.train_labels), np.bincount(digits.test_labels)
    assert np.all(np.abs(test - (train + test) / 5) < 1)


def test_digits_are_scaled_to_bytes():
    digits = load_digits()
    assert digits.train_images.dtype == np.uint8
    levels = np.unique(np.concatenate([digits.train_images, digits.test_images]))
    assert levels.tolist() == [int(255 * pixel / 16 + 0.5) for pixel in range(17)]


def test_split_of_the_digits_stays_what_it_is():
    test_images = load_digits().test_images
    # Recorded when it was made: another split would change every figure measured on it.
    assert hashlib.sha256(test_images.tobytes()).hexdigest().startswith("f8da3231f745dc76")


# --- validation split ---


@given(
    labels=hnp.arrays(np.int64, st.integers(2, 60), elements=st.integers(0, 4)),
    data=st.data(),
)
def test_validation_split_is_exact_and_stratified(labels, data):
    count = data.draw(st.integers(1, len(labels) - 1))
    train, validation = split_validation(labels, count=count)
    assert len(validation) == count
    assert sorted([*train, *validation]) == list(range(len(labels)))
    for label in np.unique(labels):
        kept, held = train[labels[train] == label], validation[labels[validation] == label]
        assert abs(len(held) - count * np.mean(labels == label)) < 1
        assert not len(kept) or not len(held) or kept.max() < held.min()


def test_validation_takes_the_last_images_of_each_class():
    train, validation = split_validation(np.array([0, 1, 0, 1, 0, 1, 0, 1]), fraction=0.25)
    assert train.tolist() == [0, 1, 2, 3, 4, 5]
    assert validation.tolist() == [6, 7]


def test_fraction_and_count_say_the_same():
    labels = np.arange(100) % 7
    _, by_fraction = split_validation(labels, fraction=0.1)
    _, by_count = split_validation(labels, count=10)
    np.testing.assert_array_equal(by_fraction, by_count)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "Give either fraction or count"),
        ({"fraction": 0.5, "count": 2}, "Give either fraction or count"),
        ({"fraction": 1.0}, "fraction must lie between 0 and 1, got 1.0"),
        ({"fraction": float("nan")}, "fraction must lie between 0 and 1, got nan"),
        ({"fraction": 0.01}, "Cannot hold 0 of 10 images out"),
        ({"count": 10}, "Cannot hold 10 of 10 images out"),
        ({"count": -1}, "Cannot hold -1 of 10 images out"),
    ],
)
def test_split_that_leaves_a_set_empty_is_refused(arguments, message):
    with pytest.raises(OptionError, match=re.escape(message)):
        split_validation(np.zeros(10, dtype=np.int64), **arguments)


# --- inputs of networks ---


def test_inputs_are_scaled_to_one_and_have_a_channel():
    inputs = to_inputs(np.array([[[0, 51], [102, 255]]], dtype=np.uint8))
    assert inputs.dtype == torch.float32
    torch.testing.assert_close(inputs, torch.tensor([[[[0.0, 0.2], [0.4, 1.0]]]]))


def test_images_that_cannot_be_written_to_are_taken(parts):
    images = parts["train-images-idx3-ubyte"]
    images.flags.writeable = False
    assert to_inputs(images[:, ::-1]).shape == (12, 1, 4, 6)


def test_half_the_size_is_the_mean_of_blocks():
    images = np.random.default_rng(1).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    blocks = images.reshape(3, 1, 14, 2, 14, 2).astype(np.float32).mean(axis=(3, 5))
    assert torch.equal(to_inputs(images, (14, 14)), torch.from_numpy(blocks) / 255)


def test_size_that_does_not_divide_uses_overlapping_windows():
    images = np.array([[[0, 51, 255]]], dtype=np.uint8)
    torch.testing.assert_close(to_inputs(images, (1, 2)), torch.tensor([[[[0.1, 0.6]]]]))


def test_own_size_changes_nothing(parts):
    images = parts["train-images-idx3-ubyte"]
    assert torch.equal(to_inputs(images, (4, 6)), to_inputs(images))


@pytest.mark.parametrize("size", [(5, 6), (4, 7), (0, 6), (4, -1)])
def test_size_that_cannot_be_reached_is_refused(parts, size):
    message = f"Images of 4x6 pixels cannot be shrunk to {size[0]}x{size[1]}"
    with pytest.raises(OptionError, match=message):
        to_inputs(parts["train-images-idx3-ubyte"], size)


@pytest.mark.parametrize("images", [np.zeros((2, 4), "u1"), np.zeros((2, 4, 4), "f4")])
def test_arrays_that_are_no_images_are_refused(images):
    with pytest.raises(OptionError, match=re.escape("Expected images, uint8 [n, height, width]")):
        to_inputs(images)


# --- start-up time ---


@pytest.mark.parametrize("module", ["deapnets_mnist", "deapnets_mnist.datasets"])
def test_import_loads_no_heavy_library(module):
    heavy = ("torch", "sklearn", "pooch", "scipy", "requests")
    code = f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert result.stdout.strip() == "[]"
