import gc
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deapnets.engines.keeping import WIDE
from deapnets.engines.pool import Pool, attached
from deapnets.genomes.layout import Layout

pytestmark = pytest.mark.skipif(not Pool.available(), reason="this system has no such memory")


def layout_of(width, dtype=torch.float32):
    return Layout(("weight",), ((width,),), dtype)


def filled(blocks, value):
    for block in blocks:
        block.fill_(value)
    return blocks


def test_what_is_lent_is_found_in_the_whole_pool_seen_as_such_rows():
    pool = Pool(1 << 16)
    first = filled(pool.rows(3, layout_of(5)), 1.0)
    second = filled(pool.rows(4, layout_of(7)), 2.0)
    for blocks, width in ((first, 5), (second, 7)):
        whole = torch.from_numpy(pool.bytes[: len(pool.bytes) // (4 * width) * 4 * width])
        rows = whole.view(-1, 4 * width).view(torch.float32)
        row = pool.row_of(blocks[0])
        assert torch.equal(rows[row : row + len(blocks[0])], blocks[0])


def test_a_block_from_elsewhere_has_no_row():
    assert Pool(1 << 12).row_of(torch.zeros(3, 5)) is None


@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.integers(1, 40), st.booleans()), min_size=1, max_size=30
    )
)
def test_no_two_blocks_share_memory_and_all_of_it_comes_back(wishes):
    pool, held = Pool(1 << 12), {}
    for value, (count, width, release) in enumerate(wishes):
        dtype = torch.bfloat16 if width % 2 else torch.float32
        blocks = pool.rows(count, layout_of(width, dtype))
        if blocks is not None:
            held[value] = filled(blocks, value)
        if release and held:
            del held[next(iter(held))]
        blocks = None
        assert all(bool((b == v).all()) for v, blocks in held.items() for b in blocks)
        del blocks
        size = sum(b.numel() * b.element_size() for lot in held.values() for b in lot)
        assert pool.used == size
    held.clear()
    gc.collect()
    assert pool.used == 0
    assert pool._free == [(0, 1 << 12)]


def test_a_view_keeps_its_memory_from_being_lent_again():
    pool = Pool(40)
    (block,) = filled(pool.rows(2, layout_of(5)), 1.0)
    view = block[1]
    del block
    assert pool.rows(1, layout_of(5)) is None
    del view
    assert pool.rows(2, layout_of(5)) is not None


def test_wide_rows_are_given_back_alone():
    pool = Pool(4 * WIDE)
    blocks = pool.rows(4, layout_of(WIDE // 4))
    assert [len(block) for block in blocks] == [1, 1, 1, 1]
    del blocks[2]
    assert pool.used == 3 * WIDE


def test_another_process_sees_what_is_written():
    pool = Pool(1 << 12)
    filled(pool.rows(1, layout_of(4)), 3.0)
    code = (
        "from deapnets.engines.pool import Address, attached; import numpy as np;"
        f"print(attached(Address(*{tuple(pool.address)!r})).view(np.float32)[:4].tolist())"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[3.0, 3.0, 3.0, 3.0]"


def test_memory_lives_as_long_as_a_block_of_it():
    (block,) = filled(Pool(1 << 12).rows(1, layout_of(4)), 3.0)
    gc.collect()
    assert block.tolist() == [[3.0] * 4]


def test_attached_memory_is_the_same_memory():
    pool = Pool(1 << 12)
    (block,) = pool.rows(1, layout_of(4))
    attached(pool.address)[:16] = 0
    assert block.tolist() == [[0.0] * 4]
