import re

import pytest
import torch

from deapnets.errors import OptionError
from deapnets.machine.resources import parse_memory, pick_device

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("memory", "size"),
    [
        (1000, 1000),
        ("1000", 1000),
        ("1000B", 1000),
        ("2KB", 2048),
        ("512MB", 512 << 20),
        ("4GB", 4 << 30),
        ("4 gb", 4 << 30),
        (" 1.5GB ", 3 << 29),
        ("4GiB", 4 << 30),
        ("1TB", 1 << 40),
        (2.5e9, 2_500_000_000),
    ],
)
def test_memory_is_bytes_or_text(memory, size):
    assert parse_memory(memory, CPU) == size


def test_auto_is_cuda_where_there_is_one(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert pick_device("auto") == torch.device("cuda")
    assert pick_device("cuda:1") == torch.device("cuda:1")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert pick_device("auto") == CPU
    said = 'No CUDA device is available here; use device="cpu" or "auto".'
    with pytest.raises(OptionError, match=re.escape(said)):
        pick_device("cuda:1")
