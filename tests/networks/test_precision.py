"""Networks that compute in bfloat16: near what float32 gives, and row-invariant."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from zoo import CPU, ZOO, Kind

from deapnets.errors import EvaluationError
from deapnets.genomes.layout import Layout
from deapnets.genomes.making import aligned_rows
from deapnets.networks.chunk import Networks
from deapnets.networks.paths import choose_path
from deapnets.networks.trees import tensors_of

# torch has no autocast for Bilinear; random numbers are others in another dtype.
LEFT_OUT = {"several inputs, `Bilinear`", "random numbers in `forward`"}
KINDS = {title: kind for title, kind in ZOO.items() if title not in LEFT_OUT}


def networks_in(precision: str, kind: Kind, count: int) -> Networks:
    torch.manual_seed(3)
    module = kind.make()
    layout = Layout.of(module)
    rows = aligned_rows(count, layout.width, CPU)
    rows.copy_(layout.flatten(module) + 0.3 * torch.randn(count, layout.width))
    return Networks(choose_path(module, layout, CPU, "", precision), layout, rows)


@pytest.mark.filterwarnings("ignore:.*cannot be vmapped")
@pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")
@pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight:UserWarning")
@pytest.mark.usefixtures("_threads_restored")
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_outputs_are_near_those_of_float32_and_depend_on_no_chunk_or_threads(kind: Kind):
    torch.set_num_threads(2)
    inputs = kind.inputs()
    exact = tensors_of(networks_in("float32", kind, 6)(*inputs))
    networks = networks_in("bfloat16", kind, 6)
    rough = tensors_of(networks(*inputs))
    for one, other in zip(rough, exact, strict=True):
        assert one.dtype == torch.float32
        assert float((one - other).abs().max()) < 0.06 * float(other.abs().max())
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for first, end in ((0, 1), (5, 6), (2, 5)):
            own = Networks(networks._path, networks._layout, networks.weights()[first:end])
            parts = zip(tensors_of(own(*inputs)), rough, strict=True)
            assert all(torch.equal(part, whole[first:end]) for part, whole in parts)


@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("count", [1, 3])
def test_a_chain_takes_what_it_takes_in_float32(each, count):
    chain = nn.Sequential(
        nn.Sigmoid(), nn.Linear(6, 5, bias=False), nn.GELU(), nn.Linear(5, 3), nn.Tanh()
    )
    chain[3].bias.requires_grad_(False)
    layout = Layout.of(chain)
    rows = torch.randn(count, layout.width)
    inputs = torch.randn(*([count] if each else []), 4, 7, 6)
    before = inputs.clone()
    outputs = [
        Networks(choose_path(chain, layout, CPU, "stacked", precision), layout, rows)(
            inputs, each=each
        )
        for precision in ("float32", "bfloat16")
    ]
    assert outputs[1].shape == (count, 4, 7, 3)
    torch.testing.assert_close(outputs[1], outputs[0], rtol=0.05, atol=0.03)
    assert torch.equal(inputs, before)


def test_what_takes_no_mixed_types_is_refused_in_one_line():
    class Gathers(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(6, 2)

        def forward(self, inputs):
            return torch.zeros(1, 2).index_add(0, torch.arange(3) * 0, self.layer(inputs))

    networks = networks_in("bfloat16", Kind(Gathers), 2)
    said = (
        r"^Gathers fails in bfloat16: index_add\S+ [^\n]*\. "
        r'precision="float32" computes it as it is\.$'
    )
    with pytest.raises(EvaluationError, match=said):
        networks(torch.randn(3, 6))
    with pytest.raises(RuntimeError, match=r"shapes cannot be multiplied \(3x5 and 6x2\)$"):
        networks_in("float32", Kind(Gathers), 2)(torch.randn(3, 5))
