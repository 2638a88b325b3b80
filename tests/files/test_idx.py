import gzip
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from deapnets.errors import DataError
from deapnets.files.idx import encode_idx, read_idx

arrays = st.sampled_from(["u1", "i1", "i2", "i4", "f4", "f8"]).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0))
)


@pytest.fixture
def idx_file(tmp_path):
    def write(content: bytes):
        path = tmp_path / "some-idx1-ubyte"
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def three_bytes():
    return encode_idx(np.array([1, 2, 3], dtype=np.uint8))


@given(array=arrays, compressed=st.booleans())
def test_what_was_written_is_read_back(array, compressed, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "round-trip"
    path.write_bytes(gzip.compress(encode_idx(array)) if compressed else encode_idx(array))
    got = read_idx(path)
    assert got.dtype == array.dtype
    assert got.dtype.isnative
    np.testing.assert_array_equal(got, array)


def test_bytes_of_the_format_description_are_read(idx_file):
    content = bytes.fromhex("00 00 0b 02  00 00 00 01  00 00 00 02  01 00  ff fe")
    assert read_idx(idx_file(content)).tolist() == [[256, -2]]


def test_compression_is_recognised_by_content_not_by_name(tmp_path, three_bytes):
    (tmp_path / "plain.gz").write_bytes(three_bytes)
    (tmp_path / "packed").write_bytes(gzip.compress(three_bytes))
    assert read_idx(tmp_path / "plain.gz").tolist() == [1, 2, 3]
    assert read_idx(str(tmp_path / "packed")).tolist() == [1, 2, 3]


def test_array_can_be_written_to(idx_file, three_bytes):
    array = read_idx(idx_file(three_bytes))
    array[0] = 9
    assert array.tolist() == [9, 2, 3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "89 50 4e 47 0d 0a",
            "not an IDX file: expected it to begin with the bytes 00 00, got 89 50",
        ),
        ("", "truncated header: expected 4 bytes, got 0"),
        ("00 00 08", "truncated header: expected 4 bytes, got 3"),
        ("00 00 08 02 00 00 00 01 00", "truncated header: expected 12 bytes, got 9"),
        ("00 00 0a 01 00 00 00 00", "unknown type code 0x0a: expected one of 0x08, 0x09, 0x0b"),
        ("00 00 0c 01 00 00 00 02 01 01 01", "truncated data: expected 8 bytes, got 3"),
        ("00 00 08 01 00 00 00 02 01 02 03", "1 trailing bytes after 2 bytes of data"),
        ("00 00 08 02 ff ff ff ff ff ff ff ff", "truncated data: expected 18446744065119617025"),
        (
            "00 00 0e 04 00 00 00 00 ff ff ff ff ff ff ff ff ff ff ff ff",
            "no array can have the shape in its header",
        ),
        ("00 00 08 ff" + " 00 00 00 01" * 255 + " 07", "no array can have the shape in its header"),
    ],
)
def test_error_names_the_file_and_the_failed_check(idx_file, content, message):
    path = idx_file(bytes.fromhex(content))
    with pytest.raises(DataError, match=re.escape(f"{path}: {message}")):
        read_idx(path)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda packed: packed[:-9], id="cut in the data"),
        pytest.param(lambda packed: packed[:5], id="cut in the header"),
        pytest.param(lambda packed: packed[:-8] + bytes(8), id="wrong checksum"),
        pytest.param(lambda packed: packed[:12] + b"\xff\xff\xff" + packed[15:], id="bad block"),
        pytest.param(lambda packed: packed + b"more", id="bytes after the end"),
    ],
)
def test_damaged_gzip_is_named_as_such(idx_file, three_bytes, damage):
    path = idx_file(damage(gzip.compress(three_bytes)))
    with pytest.raises(DataError, match=re.escape(f"{path}: damaged gzip: ")):
        read_idx(path)


def test_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere: cannot be read: No such file"):
        read_idx(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"cannot be read: "):
        read_idx(tmp_path)
