"""Modules of every kind that people bring, with inputs for them, and those that are refused.

``docs/modules.md`` lists them: ``python tests/networks/zoo.py`` writes its tables anew.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  (torch's own convention)
from torch.nn.utils import parametrizations

from deapnets.errors import LayoutError
from deapnets.genomes.layout import Layout
from deapnets.genomes.making import aligned_rows
from deapnets.networks.chunk import Networks
from deapnets.networks.paths import choose_path

PAGE = Path(__file__).parents[2] / "docs" / "modules.md"
CPU = torch.device("cpu")
ROWS = 9  # of a batch: an odd number, so that activations lie at different places


class Kind(NamedTuple):
    """A module to be made, and the shapes of its inputs without the batch; ints: token numbers."""

    make: Callable[[], nn.Module]
    shapes: tuple[tuple[int, ...], ...] = ((6,),)
    tokens: int = 0

    def inputs(self, *lots: int) -> tuple[torch.Tensor, ...]:
        """Return random inputs ``[*lots, ROWS, *shape]``."""
        if self.tokens:
            return tuple(torch.randint(self.tokens, (*lots, ROWS, *s)) for s in self.shapes)
        return tuple(torch.randn(*lots, ROWS, *shape) for shape in self.shapes)


class ByHand(nn.Module):
    """A forward by hand: a free parameter, a buffer, a sum past the first layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 6)
        self.scale = nn.Parameter(torch.ones(6))
        self.register_buffer("shift", torch.linspace(0, 1, 6))
        self.last = nn.Linear(6, 3)

    def forward(self, inputs):
        return self.last(inputs + self.scale * torch.tanh(self.first(inputs)) + self.shift)


class Attention(nn.Module):
    def __init__(self, weights: bool = False) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(12, 3, batch_first=True)
        self.norm = nn.LayerNorm(12)
        self.weights = weights

    def forward(self, inputs):
        attended, _ = self.attention(inputs, inputs, inputs, need_weights=self.weights)
        return self.norm(inputs + attended)


class CausalAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.split = nn.Linear(12, 36)

    def forward(self, inputs):
        queries, keys, values = self.split(inputs).chunk(3, -1)
        return F.scaled_dot_product_attention(queries, keys, values, is_causal=True)


class WordModel(nn.Module):
    """Tokens to next tokens: embedding and read-out share their weights."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 8)
        self.position = nn.Parameter(0.1 * torch.randn(5, 8))
        self.block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(5))
        self.read = nn.Linear(8, 20, bias=False)
        self.read.weight = self.embed.weight

    def forward(self, tokens):
        hidden = self.embed(tokens) + self.position
        return self.read(self.block(hidden, src_mask=self.mask))


class LastStep(nn.Module):
    def __init__(self, cells: nn.Module) -> None:
        super().__init__()
        self.cells = cells
        self.head = nn.Linear(7, 2)

    def forward(self, inputs):
        return self.head(self.cells(inputs)[0][:, -1])


class StepByStep(nn.Module):
    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, inputs):
        state = None
        for step in range(inputs.shape[1]):
            state = self.cell(inputs[:, step], state)
        return state[0] if isinstance(state, tuple) else state


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(6, 5), nn.Bilinear(5, 4, 3)

    def forward(self, left, right):
        return self.right(torch.relu(self.left(left)), right)


class TwoOutputs(nn.Module):
    """An actor and a critic, as a tuple; the critic first scaled by nothing that is evolved."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.actor, self.critic = nn.Linear(6, 7), nn.Linear(7, 3), nn.Linear(7, 1)

    def forward(self, inputs):
        hidden = torch.tanh(self.body(inputs))
        return F.softmax(self.actor(hidden), -1), self.critic(hidden)


class NamedOutputs(TwoOutputs):
    def forward(self, inputs):
        policy, value = super().forward(inputs)
        return {"policy": policy, "extra": [value, inputs], "nothing": None}


class ManyParameters(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ParameterList([nn.Parameter(torch.randn(6, 6)) for _ in range(3)])
        self.named = nn.ParameterDict({"gain": nn.Parameter(torch.ones(6))})

    def forward(self, inputs):
        for layer in self.layers:
            inputs = torch.tanh(inputs @ layer)
        return inputs * self.named["gain"]


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 3)

    def forward(self, inputs):
        outputs = self.layer(inputs)
        return outputs if outputs.sum() > 0 else -outputs


class Variational(nn.Module):
    """Random numbers in forward, in evaluation mode too."""

    def __init__(self) -> None:
        super().__init__()
        self.encode, self.decode = nn.Linear(6, 8), nn.Linear(4, 6)

    def forward(self, inputs):
        mean, spread = self.encode(inputs).chunk(2, -1)
        return self.decode(mean + spread.exp() * torch.randn_like(spread))


class Tempered(nn.Module):
    """Exponentials of one number a network, and of three."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 3)
        self.temperature, self.gate = nn.Parameter(torch.zeros(())), nn.Parameter(torch.ones(3))

    def forward(self, inputs):
        return self.layer(inputs) * self.temperature.exp() * torch.sigmoid(self.gate)


class SqueezeExcite(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.gate = nn.Conv2d(2, 5, 3, padding=1), nn.Linear(5, 5)

    def forward(self, images):
        maps = self.conv(images)
        return maps * torch.sigmoid(self.gate(maps.mean((2, 3))))[:, :, None, None]


class NoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.code, self.layer = nn.Parameter(torch.randn(4, 6)), nn.Linear(6, 3)

    def forward(self):
        return self.layer(self.code)


def frozen_in_the_middle() -> nn.Module:
    net = nn.Sequential(nn.Linear(6, 7), nn.LayerNorm(7), nn.Linear(7, 5), nn.Linear(5, 3))
    net[2].requires_grad_(False)
    return net


def cnn(*norm: nn.Module) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), *norm, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3)
    )


def wide_cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 5, (5, 3), stride=(1, 2), padding=(2, 1), bias=False),
        nn.GELU(),
        nn.AvgPool2d(3, 2),
        nn.Conv2d(5, 3, 2, dilation=(2, 1)),
        nn.Sigmoid(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(3, 7),
    )


def normalised(norm: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(6, 8), norm, nn.ReLU(), nn.Linear(8, 3))


def chain() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(6, 7), nn.ReLU(), nn.Linear(7, 3))


IMAGE, SERIES, WORDS = ((1, 8, 8),), ((5, 12),), ((5,),)
ZOO = {
    "`Linear` layers and activations": Kind(chain),
    "the same with `Dropout`": Kind(
        lambda: nn.Sequential(nn.Linear(6, 7), nn.Dropout(0.5), nn.GELU(), nn.Linear(7, 3))
    ),
    "`Softplus`, `Sigmoid`": Kind(
        lambda: nn.Sequential(nn.Linear(6, 5), nn.Softplus(), nn.Linear(5, 7), nn.Sigmoid())
    ),
    "`Softmax` at the end": Kind(lambda: nn.Sequential(nn.Linear(6, 5), nn.Softmax(-1))),
    "`PReLU`": Kind(lambda: nn.Sequential(nn.Linear(6, 5), nn.PReLU(), nn.Linear(5, 3))),
    "`LayerNorm`": Kind(lambda: normalised(nn.LayerNorm(8))),
    "`RMSNorm`": Kind(lambda: normalised(nn.RMSNorm(8))),
    "`GroupNorm`": Kind(lambda: normalised(nn.GroupNorm(2, 8))),
    "`BatchNorm1d` in evaluation mode": Kind(lambda: normalised(nn.BatchNorm1d(8).eval())),
    "`BatchNorm1d` without running statistics": Kind(
        lambda: normalised(nn.BatchNorm1d(8, track_running_stats=False))
    ),
    "a frozen layer between evolved ones": Kind(frozen_in_the_middle),
    "`Conv2d`": Kind(cnn, IMAGE),
    "`Conv2d`, strides, dilation, average pools": Kind(wide_cnn, ((2, 11, 9),)),
    "`Conv2d`, `BatchNorm2d` in evaluation mode": Kind(
        lambda: cnn(nn.BatchNorm2d(4).eval()), IMAGE
    ),
    "`Conv2d`, `BatchNorm2d` without running statistics": Kind(
        lambda: cnn(nn.BatchNorm2d(4, track_running_stats=False)), IMAGE
    ),
    "`Conv2d`, `InstanceNorm2d`": Kind(lambda: cnn(nn.InstanceNorm2d(4, affine=True)), IMAGE),
    "`Conv2d`, squeeze and excite": Kind(SqueezeExcite, ((2, 5, 5),)),
    "`Conv1d`": Kind(
        lambda: nn.Sequential(nn.Conv1d(5, 4, 3), nn.AdaptiveAvgPool1d(1), nn.Flatten()), SERIES
    ),
    "`ConvTranspose2d`": Kind(
        lambda: nn.Sequential(nn.ConvTranspose2d(2, 3, 4, 2, 1), nn.Tanh()), ((2, 5, 5),)
    ),
    "`Embedding`": Kind(
        lambda: nn.Sequential(nn.Embedding(20, 6), nn.Flatten(), nn.Linear(30, 3)), WORDS, 20
    ),
    "`EmbeddingBag`": Kind(
        lambda: nn.Sequential(nn.EmbeddingBag(20, 6), nn.Linear(6, 3)), WORDS, 20
    ),
    "`MultiheadAttention`": Kind(Attention, SERIES),
    "`MultiheadAttention`, its weights computed": Kind(lambda: Attention(True), SERIES),
    "`scaled_dot_product_attention`, causal": Kind(CausalAttention, SERIES),
    "`TransformerEncoderLayer`": Kind(
        lambda: nn.TransformerEncoderLayer(12, 3, 16, batch_first=True), SERIES
    ),
    "`TransformerEncoder`": Kind(
        lambda: nn.TransformerEncoder(
            nn.TransformerEncoderLayer(12, 3, 16, batch_first=True, norm_first=True),
            2,
            enable_nested_tensor=False,
        ),
        SERIES,
    ),
    "a word model, its read-out tied to its `Embedding`": Kind(WordModel, WORDS, 20),
    "`LSTM`": Kind(lambda: LastStep(nn.LSTM(12, 7, batch_first=True)), SERIES),
    "`GRU`": Kind(lambda: LastStep(nn.GRU(12, 7, batch_first=True)), SERIES),
    "`RNN`": Kind(lambda: LastStep(nn.RNN(12, 7, batch_first=True)), SERIES),
    "`LSTMCell`, step by step": Kind(lambda: StepByStep(nn.LSTMCell(12, 7)), SERIES),
    "`GRUCell`, step by step": Kind(lambda: StepByStep(nn.GRUCell(12, 7)), SERIES),
    "`forward` by hand, with a buffer": Kind(ByHand),
    "several inputs, `Bilinear`": Kind(TwoInputs, ((6,), (4,))),
    "no inputs": Kind(NoInputs, ()),
    "a tuple of outputs": Kind(TwoOutputs),
    "a dict of outputs": Kind(NamedOutputs),
    "`ParameterList`, `ParameterDict`": Kind(ManyParameters),
    "`weight_norm`": Kind(
        lambda: nn.Sequential(parametrizations.weight_norm(nn.Linear(6, 5)), nn.Tanh())
    ),
    "`spectral_norm`": Kind(
        lambda: nn.Sequential(parametrizations.spectral_norm(nn.Linear(6, 5)), nn.Tanh())
    ),
    "a temperature, a gate": Kind(Tempered),
    "a branch on data": Kind(Branches),
    "random numbers in `forward`": Kind(Variational),
}


class Counts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 3)
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, inputs):
        self.seen += len(inputs)
        return self.layer(inputs) * self.seen


class Remembers(Counts):
    def forward(self, inputs):
        outputs = self.layer(inputs)
        self.seen = outputs.mean()
        return outputs


class Clips(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 3)

    def forward(self, inputs):
        self.layer.weight.data.clamp_(-0.01, 0.01)
        return self.layer(inputs)


class Says(nn.Module):
    def __init__(self, what: Any) -> None:
        super().__init__()
        self.layer, self.what = nn.Linear(6, 3), what

    def forward(self, inputs):
        self.layer(inputs)
        return self.what


class Grows(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 3)

    def forward(self, inputs):
        return self.layer(inputs)[: 1 + int(self.layer.bias[0] > 0)]


def batch_norm_by_hand() -> nn.Module:
    class Normalises(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(6, 3)
            self.register_buffer("mean", torch.zeros(3))
            self.register_buffer("variance", torch.ones(3))

        def forward(self, inputs):
            return F.batch_norm(self.layer(inputs), self.mean, self.variance, training=True)

    return Normalises()


REFUSED = {
    "`BatchNorm` in training mode": Kind(lambda: normalised(nn.BatchNorm1d(8))),
    "`InstanceNorm` with running statistics, in training mode": Kind(
        lambda: cnn(nn.InstanceNorm2d(4, track_running_stats=True)), IMAGE
    ),
    "batch normalisation by hand that updates its statistics": Kind(batch_norm_by_hand),
    "a buffer that counts": Kind(Counts),
    "a buffer that is replaced": Kind(Remembers),
    "weights that are clipped in `forward`": Kind(Clips),
    "`Embedding` with `max_norm`": Kind(
        lambda: nn.Sequential(nn.Embedding(20, 6, max_norm=0.1), nn.Flatten()), WORDS, 20
    ),
    "text as output": Kind(lambda: Says("yes")),
    "a number beside a tensor": Kind(lambda: Says((torch.zeros(3), 0.5))),
    "nothing as output": Kind(lambda: Says(None)),
    "as many outputs as the weights say": Kind(Grows),
}


def networks_of(kind: Kind, count: int, path: str = "") -> tuple[nn.Module, Networks]:
    """Return a module and ``count`` networks of it, their weights N(0, 0.3) round its own."""
    torch.manual_seed(3)
    module = kind.make()
    layout = Layout.of(module)
    rows = aligned_rows(count, layout.width, CPU)
    rows.copy_(layout.flatten(module) + 0.3 * torch.randn(count, layout.width))
    return module, Networks(choose_path(module, layout, CPU, path), layout, rows)


def path_taken(kind: Kind, wish: str = "") -> str:
    """Return the name of the path that three networks of a module end up on; "" for none."""
    try:
        _, networks = networks_of(kind, 3, wish)
    except LayoutError:
        return ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        networks(*kind.inputs())
    return networks._path.name


def paths_table() -> str:
    """Return the table of what goes through which path on a CPU."""
    lines = ["| module | stacked | vmap | loop | by default |", "|---|---|---|---|---|"]
    for title, kind in ZOO.items():
        stacked = "yes" if path_taken(kind, "stacked") else ""
        vmapped = "yes" if path_taken(kind, "vmap") == "vmap" else ""
        lines.append(f"| {title} | {stacked} | {vmapped} | yes | {path_taken(kind)} |")
    return "\n".join(lines) + "\n"


def tables() -> dict[str, str]:
    """Return the tables of the page under the headings that they follow."""
    return {"Which path a module takes": paths_table()}


def rewritten(page: str) -> str:
    """Return the page with its tables as the program makes them now."""
    for heading, table in tables().items():
        before, after = page.split(f"## {heading}\n", 1)
        text, old = after.split("\n| ", 1)
        rest = re.sub(r"\A(.*\n\|.*\n)(\|.*\n)*", "", "| " + old)
        page = f"{before}## {heading}\n{text}\n{table}{rest}"
    return page


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.exit()
