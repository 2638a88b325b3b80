"""What an untrained network promises: cheap figures that may rank as training would.

Each is a function of a module and a batch of inputs ``[batch, ...]``; more is better.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def parameters(net: nn.Module, inputs: torch.Tensor) -> float:
    """Return how many weights there are: the baseline that other proxies are to beat."""
    return float(sum(parameter.numel() for parameter in net.parameters()))


def flops(net: nn.Module, inputs: torch.Tensor) -> float:
    """Return the floating-point operations of one input: the other baseline."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        copy.deepcopy(net).eval()(inputs[:1])
    return float(counter.get_total_flops())


def synflow(net: nn.Module, inputs: torch.Tensor) -> float:
    """Return the logarithm of the synaptic flow: the sum of every weight times its gradient.

    Of the network with absolute weights, its normalisations passed through, and inputs of ones; in
    float64, minus infinity where nothing flows.

    Notes
    -----
    Sources: Tanaka, Kunin, Yamins & Ganguli 2020, "Pruning neural networks without any data by
    iteratively conserving synaptic flow", arXiv 2006.05467, equation 2; as a proxy: Abdelfattah,
    Mehrotra, Dudziak & Lane 2021, "Zero-cost proxies for lightweight NAS", arXiv 2101.08134.
    """
    flow = copy.deepcopy(net).double().eval()
    for layer in flow.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.reset_running_stats()
    weights = list(flow.parameters())
    with torch.no_grad():
        for weight in weights:
            weight.abs_()
    with torch.enable_grad():
        total = flow(torch.ones_like(inputs[:1], dtype=torch.float64)).sum()
        gradients = torch.autograd.grad(total, weights, allow_unused=True)
    pairs = zip(weights, gradients, strict=True)
    return _logarithm(math.fsum((w * g).sum().item() for w, g in pairs if g is not None))


def naswot(net: nn.Module, inputs: torch.Tensor) -> float:
    """Return how differently inputs switch the ReLUs: log determinant of the codes' kernel.

    Entry ``(i, j)`` of the kernel is the number of ReLUs that inputs i and j switch alike; minus
    infinity where two inputs switch all of them alike.

    Notes
    -----
    Source: Mellor, Turner, Storkey & Crowley 2021, "Neural architecture search without training",
    arXiv 2006.04647, equation 2.
    """
    kernel = torch.zeros(len(inputs), len(inputs), dtype=torch.float64)

    def add(layer: nn.Module, given: object, output: torch.Tensor) -> None:
        on = (output > 0).flatten(1).double().cpu()
        kernel.add_(on @ on.T).add_((1.0 - on) @ (1.0 - on).T)

    probe = copy.deepcopy(net).train()
    for layer in probe.modules():
        if isinstance(layer, nn.ReLU):
            layer.register_forward_hook(add)
    with torch.inference_mode():
        probe(inputs)
    sign, logarithm = torch.linalg.slogdet(kernel)
    return float(logarithm) if sign > 0 and torch.isfinite(logarithm) else -math.inf


def _logarithm(value: float) -> float:
    return math.log(value) if value > 0.0 else -math.inf


PROXIES: Mapping[str, Callable[[nn.Module, torch.Tensor], float]] = MappingProxyType(
    {"parameters": parameters, "flops": flops, "synflow": synflow, "naswot": naswot}
)
"""By the names that settings have."""
