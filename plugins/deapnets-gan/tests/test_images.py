"""Image sets: digits, IDX folders, and what does not fit."""

import numpy as np
import pytest
import torch
from deapnets_gan.grids import grid_of, png_of
from deapnets_gan.images import ImageSet, load_images

from deapnets.errors import DataError, OptionError


def write_idx(path, values):
    values = np.asarray(values, dtype=np.uint8)
    head = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
    path.write_bytes(head + values.tobytes())


def test_digits_are_split_into_three_parts_without_a_download():
    found = load_images("digits", None, None, 0.1)
    assert found.shape == (1, 8, 8)
    assert len(found.train) + len(found.validation) == 1437
    assert len(found.test) == 360
    assert sorted(found.train_labels.unique().tolist()) == list(range(10))


def test_any_four_idx_files_are_an_image_set(tmp_path):
    generator = np.random.default_rng(1)
    for part, count in (("train", 60), ("t10k", 20)):
        write_idx(
            tmp_path / f"{part}-images-idx3-ubyte", generator.integers(0, 256, (count, 20, 20))
        )
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", np.arange(count) % 3)
    found = load_images("mnist", str(tmp_path), None, 0.1)
    assert found.shape == (1, 14, 14)  # larger ones are averaged down
    assert load_images("mnist", str(tmp_path), (20, 20), 0.1).shape == (1, 20, 20)
    assert len(found.train) == 54


def test_sizes_that_do_not_match_are_said(images):
    with pytest.raises(DataError, match="test images of 1x6x6 and training images of 1x8x8"):
        ImageSet(
            "bars",
            images.train,
            images.train_labels,
            images.validation,
            torch.rand(200, 1, 6, 6),
            images.test_labels,
        )


def test_missing_labels_are_said(images):
    with pytest.raises(DataError, match="0 labels for 300 training images"):
        ImageSet("bars", images.train, None, images.validation, images.test, images.test_labels)


def test_an_unknown_dataset_is_told_beside_the_known_ones():
    with pytest.raises(OptionError, match=r'"digit".*Did you mean "digits"'):
        load_images("digit", None, None, 0.1)


def test_a_grid_shows_every_image_in_its_place():
    shown = torch.zeros(5, 1, 4, 4)
    shown[3] = 1.0
    sheet = grid_of(shown, columns=2)
    assert sheet.shape == (12 * 16, 12 * 11, 3)
    small = sheet[::12, ::12, 0]
    assert (small[6:10, 6:10] == 255).all()
    assert int((small == 255).sum()) == 16


def test_a_picture_is_a_png():
    assert png_of(torch.rand(4, 3, 5, 5)).startswith(b"\x89PNG")
    with pytest.raises(OptionError, match="grey or colour images"):
        png_of(torch.rand(4, 2, 5, 5))
