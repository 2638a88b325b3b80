"""The tables of ``docs/recipes.md`` are what the code does."""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
import torch

import deapnets as dn
from deapnets.distributions import base
from deapnets.distributions.tables import noise_names, noise_table
from deapnets.genomes import nodes, rounding
from deapnets.genomes.layout import Layout
from deapnets.genomes.making import made
from deapnets.genomes.nodes import Node
from deapnets.operators.contract import Operator, find_operator
from deapnets.operators.initialisation import initGaussian
from deapnets.randomness import Draw, Stream, distances, draws, hashing
from deapnets.randomness.distances import steps_of
from deapnets.randomness.hashing import Words, hash_words, stream_keys
from deapnets.strategies.sampling import sampleIsotropic, sampleSeparable

HIDDEN = {one.name: one for one in (initGaussian, sampleIsotropic, sampleSeparable)}
"""Operators that are registered by others on a script's behalf."""

PAGE = Path(__file__).parent.parent / "docs" / "recipes.md"

Row = dict[str, str]


def cells(line: str) -> list[str]:
    return [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")]


def tables() -> dict[str, list[Row]]:
    """Return the rows of the page's tables under the heading that each one follows."""
    found: dict[str, list[Row]] = {}
    heading, header = "", None
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        if not line.startswith("|"):
            header = None
        elif header is None:
            header = cells(line)
        elif not set(line) <= set("|-"):
            found.setdefault(heading, []).append(dict(zip(header, cells(line), strict=True)))
    return found


def rows(heading: str) -> Iterator[Row]:
    """Yield the rows below a heading; at least one."""
    yield from tables()[heading]


def seeds(*values: int) -> Words:
    return np.array(values, dtype=np.uint64)


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split()]


def floats(text: str) -> torch.Tensor:
    """Return float32 numbers ``[k]``: what is written is the shortest text of each."""
    return torch.from_numpy(np.array([np.float32(part) for part in text.split()]))


def leaf(*values: float, dtype: torch.dtype = torch.float32) -> Node:
    layout = Layout(("weight",), ((len(values),),), dtype)
    return Node(layout, torch.tensor(values, dtype=torch.float32))


def test_constants_are_those_of_the_code():
    written = {row["name"]: row["value"] for row in rows("Constants")}
    homes = {
        draws: ("RECIPE_VERSION", "SPARSE_BELOW", "TIE"),
        base: ("LEVELS",),
        hashing: ("GOLDEN", "MIX1", "MIX2"),
        distances: ("LONGEST_STEP",),
        nodes: ("DEEPEST", "DEEPEST_MATE"),
        rounding: ("ROUNDING",),
    }
    known = {name: getattr(home, name) for home, names in homes.items() for name in names}
    assert written.keys() == known.keys()
    for name, text in written.items():
        assert (float(text) if "." in text else int(text, 0)) == known[name], name
    assert f"**Version {draws.RECIPE_VERSION}.**" in PAGE.read_text(encoding="utf-8")


def test_keys_and_words_are_those_of_the_code():
    for row in rows("Keys"):
        start, key = stream_keys(seeds(int(row["seed"])), int(row["stream"]))
        assert (int(start[0]), int(key[0])) == (int(row["start"], 16), int(row["key"], 16)), row
    for row in rows("Words"):
        keys = stream_keys(seeds(int(row["seed"])), int(row["stream"]))
        word = hash_words(*keys, seeds(int(row["counter"])))
        assert int(word[0]) == int(row["word"], 16), row


def test_values_are_those_of_the_code():
    for row in rows("Values"):
        draw = Draw(seeds(int(row["seed"])), 8)
        values = draw._values(stream_keys(seeds(int(row["seed"])), int(row["stream"])), 8)
        assert values[0].tolist() == numbers(row["values 0 to 7"]), row


def test_masks_are_those_of_the_code():
    for row in rows("Masks"):
        mask = Draw(seeds(5), 64).mask(float(row["p"]))
        assert "".join(map(str, mask[0].int().tolist())) == row["elements 0 to 63"], row


def test_ties_are_those_of_the_code():
    for row in rows("Ties"):
        seed, element, p = seeds(int(row["seed"])), int(row["element"]), float(row["p"])
        word = hash_words(*stream_keys(seed, 0), seeds((1 << 48) + element))
        assert int(word[0]) == int(row["tie word"], 16), row
        assert bool(Draw(seed, 64).mask(p)[0, element]) == (row["hit"] == "true"), row


def test_steps_are_those_of_the_code():
    for row in rows("Steps"):
        table, bounds, longest = steps_of(float(row["p"]))
        assert longest == len(bounds) == int(row["bounds"]), row
        assert int((table == 0).sum()) == int(row["undecided values"]), row
        assert int((table < 0).sum()) == int(row["missing values"]), row
        first_two = [f"{int(bound):#018x}" for bound in bounds[:2]]
        written = [row["first bound"], row["second bound"]]
        assert [*first_two, "none"][:2] == written, row


def test_positions_are_those_of_the_code():
    for row in rows("Positions"):
        at = Draw(seeds(5), int(row["width"])).positions(float(row["p"]))
        assert at.columns.tolist() == numbers(row["columns"]), row
        assert torch.nonzero(at.taken)[:, 1].tolist() == numbers(row["draws"]), row


def test_noise_table_is_that_of_the_code():
    for row in rows("Noise table"):
        assert noise_table()[int(row["entry"])] == np.float32(row["value"]), row
    table = noise_table().astype(np.float64)
    moments = {row["what"]: float(row["of the table"]) for row in rows("Moments")}
    assert moments == {
        "mean": table.mean(),
        "variance": pytest.approx((table**2).mean(), abs=1e-8),
        "kurtosis": pytest.approx((table**4).mean(), abs=5e-5),
        "largest value": pytest.approx(table.max(), abs=5e-5),
    }


def test_named_noise_tables_are_those_of_the_code():
    written = list(rows("Distributions"))
    assert {row["name"] for row in written} == set(noise_names())
    for row in written:
        for column, centred in (("as it is", False), ("centred", True)):
            if row[column] == "refused":
                continue
            table = noise_table(row["name"], centred)
            expected = np.array([np.float32(text) for text in row[column].split()])
            got = table[[0, 16384, 40000, 65535]]
            np.testing.assert_allclose(got, expected, rtol=3e-7, err_msg=row["name"])


def test_noise_is_that_of_the_code():
    for row in rows("Noise"):
        scale, wanted = float(row["scale"]), floats(row["numbers 0 to 3"])
        if row["at"] == "every element":
            assert torch.equal(Draw(seeds(5), 64).noise(scale)[0, :4], wanted), row
            continue
        p, width = row["at"].removeprefix("positions(").split("), width ")
        draw = Draw(seeds(5), int(width))
        assert torch.equal(draw.noise(scale, draw.positions(float(p)))[:4], wanted), row


def test_integers_and_uniform_numbers_are_those_of_the_code():
    for row in rows("Integers"):
        draw = Draw(seeds(int(row["seed"])), 1)
        assert draw.integers(int(row["high"])).tolist() == [int(row["integer"])], row
    for row in rows("Uniform"):
        assert Draw(seeds(int(row["seed"])), 1).uniform().tolist() == [float(row["number"])], row


def test_streams_are_those_of_the_code():
    for row in rows("Streams"):
        stream = Stream(int(row["seed"]), int(row["position"]))
        if row["call"] == "integer()":
            assert stream.integer() == int(row["result"], 16), row
        else:
            assert stream.permutation(8).tolist() == numbers(row["result"]), row


def operator_called(name: str) -> Operator:
    return HIDDEN[name] if name in HIDDEN else getattr(dn, name)


def parameters_of(text: str) -> dict[str, object]:
    spelt = {"None": None, "True": True, "False": False}
    spelt |= {name: name for name in noise_names()}
    pairs = [pair.split("=") for pair in text.split()]

    def read(value: str) -> object:
        return spelt[value] if value in spelt else int(value) if value.isdigit() else float(value)

    return {name: read(value) for name, value in pairs}


LAYERS = Layout(("0.weight", "0.bias", "1.weight", "1.bias"), ((2, 1), (2,), (1, 2), (1,)))


def layered(sign: int, dtype: torch.dtype) -> Node:
    """Return the leaf 1 to 7, or -1 to -7, of two layers."""
    return Node(LAYERS, (sign * torch.arange(1.0, 8.0)).to(dtype))


def test_rounding_to_bfloat16_is_that_of_the_code():
    page = PAGE.read_text(encoding="utf-8")
    values = Draw(seeds(5), 8, stream=rounding.ROUNDING).values()[0].tolist()
    assert f"values 0 to 7 of stream `ROUNDING` are {' '.join(map(str, values))}." in page
    for row in rows("Rounding"):
        stored = rounding.rounded(floats(row["numbers 0 to 7"])[None], seeds(5)).float()[0]
        assert torch.equal(stored, floats(row["stored"])), row
    digest = leaf(1, 2, 3, dtype=torch.bfloat16).digest
    assert f'In bfloat16 the leaf X of "Digests" has the digest {digest}.' in page


@pytest.mark.parametrize(
    ("heading", "dtype"),
    [("Children", torch.float32), ("Children in bfloat16", torch.bfloat16)],
)
def test_children_are_those_of_the_code(heading, dtype):
    leaves = {"A": leaf(*range(1, 9), dtype=dtype), "B": leaf(*range(-1, -9, -1), dtype=dtype)}
    leaves |= {name: layered(sign, dtype) for name, sign in (("C", 1), ("D", -1))}
    for row in rows(heading):
        operator = operator_called(row["operator"])
        settings = operator.parameters(**parameters_of(row["parameters"]))
        parents = tuple(leaves[name] for name in row["parents"].split())
        assert torch.equal(made(operator.child(parents, 5, settings)), floats(row["child"])), row


def test_every_operator_is_in_the_table_of_operators():
    listed = {row["operator"].split("`")[0] for row in rows("8. Recipes")}
    public = {name for name in dn.__all__ if isinstance(getattr(dn, name), Operator)}
    assert listed == public | HIDDEN.keys()


def test_digests_are_those_of_the_code():
    nodes: dict[str, Node] = {}
    for row in rows("Digests"):
        if not row["seed"]:
            nodes[row["node"]] = node = leaf(*map(float, row["text"].split()))
        else:
            parents = tuple(nodes[name] for name in row["parents"].split())
            reference, _, pairs = row["text"].partition(" ")
            operator = find_operator(reference)
            settings = operator.parameters(**dict(literal_eval(pairs.strip())))
            nodes[row["node"]] = node = operator.child(parents, int(row["seed"]), settings)
            identity = row["text"].rstrip().encode() + b" " + int(row["seed"]).to_bytes(8, "little")
            identity += b"".join(bytes.fromhex(parent.digest) for parent in parents)
            assert blake2b(identity, digest_size=16).hexdigest() == row["digest"], row
        assert node.digest == row["digest"], row


def test_second_child_has_the_parents_swapped_under_the_same_seed():
    a, b = dn.WeightGenome(leaf(*range(8))), dn.WeightGenome(leaf(*range(8, 16)))
    parents = a.node, b.node
    dn.cxUniform(a, b, indpb=0.5)
    assert a.node.recipe.parents == parents
    assert b.node.recipe.parents == parents[::-1]
    assert a.node.recipe.seed == b.node.recipe.seed


def test_seed_of_a_generation_is_a_word_of_the_runs_seed(make_toolbox, net):
    seen = []

    class Noting(dn.Evaluator):
        def genome(self):
            return net

        def prepare(self, population, generation, rng):
            seen.append((generation, rng.seed, rng.position))

        def evaluate(self, networks):
            return torch.zeros(len(networks))

    pmap = dn.PopulationMap(device="cpu", seed=5)
    for _ in range(3):
        pmap(Noting(), make_toolbox().population(n=2))
    assert seen == [(g, Stream(5, g).integer(), 0) for g in range(3)]
