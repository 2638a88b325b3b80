"""One network trained: data on the device, vectorised shifts and flips, one-cycle rate."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from deapnets_cifar.datasets import Dataset, Images

_BATCH = 128
_MOMENTUM, _DECAY, _SMOOTHING = 0.9, 5e-4, 0.1
_SLICE = 1000  # images that are classified at once

Weights = Mapping[str, torch.Tensor]


def train(
    net: nn.Module,
    data: Dataset,
    *,
    epochs: float,
    rate: float,
    seed: int,
    device: torch.device,
    ema: float = 0.0,
) -> None:
    """Train a network in place, by SGD with Nesterov momentum and label smoothing.

    The rate rises to ``rate`` in a fifth of the steps and falls to nothing along a cosine. On a
    GPU activations are bfloat16 and channels come last.

    Parameters
    ----------
    net
        The network, on the device.
    data
        Whose training split is seen.
    epochs
        How often each image is seen; a part of an epoch will do.
    rate
        The largest learning rate.
    seed
        Seed of the order and the shifts of images.
    device
        Where.
    ema
        Part of the steps that an exponential moving average of weights and buffers looks back on,
        in [0, 1]: the network has the average in the end. 0 for the weights of the last step.
    """
    images = data.train.to(device)
    draw = torch.Generator(device=device).manual_seed(seed & ((1 << 63) - 1))
    steps = max(1, round(epochs * len(images.labels) / _BATCH))
    optimizer = torch.optim.SGD(
        net.parameters(), lr=rate, momentum=_MOMENTUM, weight_decay=_DECAY, nesterov=True
    )
    net.train()
    mean = _average_of(net, ema * steps)
    batches = _batches(images, data, draw)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * _height(step / steps)
        inputs, labels = next(batches)
        with _precision(device):
            loss = nn.functional.cross_entropy(net(inputs), labels, label_smoothing=_SMOOTHING)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if mean is not None:
            mean.update_parameters(net)
        if not step % 20 and not math.isfinite(loss.item()):
            return  # it diverged: whoever measures it will see
    if mean is not None:
        net.load_state_dict(mean.module.state_dict())


def _average_of(net: nn.Module, horizon: float) -> AveragedModel | None:
    """Return what averages weights and buffers over the last ``horizon`` steps; None below two.

    Exponentially, beginning with the weights after the first step.
    """
    if horizon < 2.0:
        return None
    average = get_ema_multi_avg_fn(1.0 - 1.0 / horizon)
    return AveragedModel(net, multi_avg_fn=average, use_buffers=True)


def accuracy(net: nn.Module, images: Images, device: torch.device) -> float:
    """Return the share of images that are told right, in [0, 1]; NaN where it diverged."""
    net.eval()
    right, images = 0, images.to(device)
    with torch.inference_mode(), _precision(device):
        for start in range(0, len(images.labels), _SLICE):
            logits = net(images.inputs[start : start + _SLICE])
            if not bool(torch.isfinite(logits).all()):
                return math.nan
            right += int((logits.argmax(1) == images.labels[start : start + _SLICE]).sum())
    return right / len(images.labels)


def inherit(net: nn.Module, parent: nn.Module) -> int:
    """Copy the weights of the parent's layers that the network has too; return how many layers.

    Layers are matched in their order, by kind and shape: what was inserted stays new, and what
    follows keeps its weights.
    """
    old, new = _layers(parent), _layers(net)
    before, after = list(map(_kind, old)), list(map(_kind, new))
    matcher = difflib.SequenceMatcher(a=before, b=after, autojunk=False)
    count = 0
    for first, second, length in matcher.get_matching_blocks():
        for here, there in zip(old[first : first + length], new[second:], strict=False):
            there.load_state_dict(here.state_dict())
            count += 1
    return count


def _layers(net: nn.Module) -> list[nn.Module]:
    return [layer for layer in net.modules() if layer._parameters]


def _kind(layer: nn.Module) -> tuple[object, ...]:
    shapes = tuple(tuple(value.shape) for value in layer.state_dict().values())
    return (type(layer), shapes)


def _height(progress: float) -> float:
    """Return the rate's part of its largest value when a part of the steps is done."""
    if progress < 0.2:
        return (progress + 0.01) / 0.21
    return 0.5 * (1.0 + math.cos(math.pi * (progress - 0.2) / 0.8))


def _batches(
    images: Images, data: Dataset, draw: torch.Generator
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield batches for ever: an epoch visits every image once, but for a rest."""
    count, device = len(images.labels), images.labels.device
    while True:
        order = torch.randperm(count, generator=draw, device=device)
        for start in range(0, max(1, count - _BATCH + 1), _BATCH):
            rows = order[start : start + _BATCH]
            yield _varied(images.inputs[rows], data, draw), images.labels[rows]


def _varied(inputs: torch.Tensor, data: Dataset, draw: torch.Generator) -> torch.Tensor:
    """Return images that are moved by up to ``data.shift`` pixels, and mirrored at random."""
    count, _, height, width = inputs.shape
    reach = 2 * data.shift + 1
    moves = torch.randint(reach, (2, count, 1), generator=draw, device=inputs.device)
    padded = nn.functional.pad(inputs, (data.shift,) * 4, mode="replicate")
    rows = torch.arange(height, device=inputs.device) + moves[0]
    columns = torch.arange(width, device=inputs.device) + moves[1]
    if data.mirror:
        turned = torch.rand(count, 1, generator=draw, device=inputs.device) < 0.5
        columns = torch.where(turned, columns.flip(1), columns)
    which = torch.arange(count, device=inputs.device)[:, None, None]
    moved = padded.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2).contiguous()


@contextmanager
def _precision(device: torch.device) -> Iterator[None]:
    """Let activations be bfloat16 on a GPU."""
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        yield
