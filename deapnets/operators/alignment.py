"""Crossover of matched units: two parents that found the same units in another order."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from itertools import pairwise
from typing import final

import numpy as np
import torch

from deapnets.errors import OperatorError
from deapnets.genomes.layout import Layout
from deapnets.operators.contract import operator, probability
from deapnets.operators.crossover import choose
from deapnets.operators.exact import whole
from deapnets.operators.parts import Part, layers_of, layout_of, unit_leaders
from deapnets.randomness import Draw


@operator(parents=2, indpb=probability)
def cxAligned(rows: list[torch.Tensor], draw: Draw, *, indpb: float) -> torch.Tensor:
    """Uniform crossover after the other parent's hidden units were put into one's own order.

    Two networks that were found apart may have alike units in different places; swapping weights
    place by place then breaks both. Layer by layer, the units of the other parent are matched with
    one's own so that the sum of squared distances between incoming weights and biases (and, in the
    last hidden layer, outgoing weights) is least; the other parent, put into that order, computes
    what it did before. Then every weight comes from it with probability ``indpb``.

    It is for chains of layers that each feed the next alone: of `torch.nn.Linear` and convolutions,
    with element-wise activations, pooling, flattening and normalisation by channel between them.
    A chain that the shapes deny is refused. A skip connection is not to be seen in shapes: there,
    units are matched all the same, and children compute something else than their parents.

    Units stay in their places where what reads or scales them cannot follow: running statistics and
    frozen or unselected parameters whose numbers differ, `torch.nn.GroupNorm` of several groups,
    grouped and transposed convolutions, recurrent and embedding layers, parametrizations, layers
    that stand in several places. Such a layer is crossed unit by unit, as `cxNeuron` does; the
    others are matched all the same.

    Source: the matching is that of Uriot & Izzo 2020, "Safe crossover of neural networks through
    neuron alignment", arXiv:2003.10306, on weights instead of activations; solved by
    `scipy.optimize.linear_sum_assignment`.

    Raises
    ------
    OperatorError
        When the layers are no chain; raised when the child is made.
    """
    layout = layout_of(draw, rows[0].shape[1])
    other = aligned(rows[0], rows[1], layout)
    mask = draw.mask(indpb)
    leaders = _leaders(layout, layout.ordered)
    if leaders is not None:
        mask = mask.index_select(1, leaders.to(mask.device))
    return choose(mask, other, rows[0])


@final
@dataclass
class Link:
    """A layer of a chain: the parameters that have its units as rows."""

    parts: list[Part] = field(default_factory=list)

    @property
    def weight(self) -> Part:
        """The parameter that reads what the link before gives."""
        return self.parts[0]

    @property
    def units(self) -> int:
        """Units that the layer has."""
        return self.weight.height


@functools.lru_cache(maxsize=256)
def chain_of(layout: Layout) -> tuple[Link, ...]:
    """Return the layers as links of a chain, from input to output.

    What has one dimension and as many elements as the layer before it has units belongs to those,
    as the scales of a normalisation do; a single number is everybody's. A layer whose weight has no
    elements links nothing.

    Raises
    ------
    OperatorError
        When a parameter does not take what the one before it gives.
    """
    links: list[Link] = []
    for layer in layers_of(layout):
        weight = layer[0]
        if weight.start == weight.end:
            continue
        if len(weight.shape) >= 2:
            if links and weight.shape[1] % links[-1].units:
                raise _no_chain(weight, links[-1])
            links.append(Link(list(layer)))
        elif links and weight.height == links[-1].units:
            links[-1].parts.extend(layer)
        elif links and weight.height > 1:
            raise _no_chain(weight, links[-1])
    return tuple(links)


def _stays(link: Link, ordered: tuple[str, ...]) -> bool:
    """Return whether the units of a link that is not the last must keep their order."""
    return link.units > 1 and link.weight.name in ordered


@functools.lru_cache(maxsize=256)
def _leaders(layout: Layout, ordered: tuple[str, ...]) -> torch.Tensor | None:
    """Return whose element of the mask decides for each column, int64 ``[P]``; None: its own."""
    staying = [link for link in chain_of(layout)[:-1] if _stays(link, ordered)]
    if not staying:
        return None
    leaders, units = torch.arange(layout.width), unit_leaders(layout)
    for part in [part for link in staying for part in link.parts]:
        leaders[part.start : part.end] = units[part.start : part.end]
    return leaders


def _no_chain(part: Part, before: Link) -> OperatorError:
    return OperatorError(
        "cxAligned matches units along a chain of layers, but "
        f"{part.name}{list(part.shape)} does not take what "
        f"{before.weight.name}{list(before.weight.shape)} gives. Use cxNeuron or cxUniform."
    )


def aligned(own: torch.Tensor, other: torch.Tensor, layout: Layout) -> torch.Tensor:
    """Return ``other`` ``[n, P]``, each row's hidden units in the order of ``own``: a new tensor.

    Every row computes what it computed before, to rounding; what `Layout.ordered` names stays.
    """
    chain = chain_of(layout)
    result = other.clone(memory_format=torch.contiguous_format)
    for number, (link, after) in enumerate(pairwise(chain), 2):
        if _stays(link, layout.ordered):
            continue
        outgoing = after.weight if number == len(chain) else None  # its order is the classes'
        order = _matching(*(_features(rows, link, outgoing) for rows in (own, result)))
        _reorder(result, link, after.weight, order)
    return result


def _features(rows: torch.Tensor, link: Link, outgoing: Part | None) -> torch.Tensor:
    """Return what tells a link's units apart, ``[n, units, features]``."""
    parts = [rows[:, p.start : p.end].reshape(len(rows), link.units, -1) for p in link.parts]
    if outgoing is not None:
        columns = rows[:, outgoing.start : outgoing.end]
        by_unit = columns.reshape(len(rows), outgoing.height, link.units, -1)
        parts.append(by_unit.transpose(1, 2).flatten(2))
    return torch.cat(parts, 2)


def _matching(own: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return which unit of ``other`` matches each unit of ``own``, int64 ``[n, units]``.

    The sum of squared distances is least where that of the products is largest, for the squares
    themselves add up to the same in every order. Whole numbers make the products exact: who matches
    whom depends neither on the rows beside nor on threads or device.
    """
    from scipy.optimize import linear_sum_assignment

    terms = own.shape[2]
    products = whole(own, terms)[0] @ whole(other, terms)[0].transpose(1, 2)
    matrices = torch.nan_to_num(products).cpu().numpy()  # infinite weights make no number
    matched = [linear_sum_assignment(one, maximize=True)[1] for one in matrices]
    return torch.from_numpy(np.stack(matched)).to(own.device, torch.int64)


def _reorder(rows: torch.Tensor, link: Link, after: Part, order: torch.Tensor) -> None:
    """Put a link's units into ``order`` ``[n, units]``, and what the next one reads, in place."""
    for part in link.parts:
        units = rows[:, part.start : part.end].view(len(rows), link.units, -1)
        units.copy_(units.gather(1, order[:, :, None].expand_as(units)))
    columns = rows[:, after.start : after.end].view(len(rows), after.height, link.units, -1)
    columns.copy_(columns.gather(2, order[:, None, :, None].expand_as(columns)))
