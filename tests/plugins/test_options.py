"""What a callable takes by keyword, read from text."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deapnets.errors import OptionError
from deapnets.plugins.options import options_of, parse_options


def real(
    network: str = "mlp-32",
    batch_size: int = 512,
    rate: float = 0.1,
    shuffle: bool = True,
    loss: Literal["cross_entropy", "mse"] = "mse",
    limit: Optional[int] = None,  # noqa: UP045 (both spellings are read)
    tag: str | None = None,
    depth: Literal[1, 2] | None = None,
    root: Path = Path(),
    plain=3,
    bare=None,
    anything: Any = None,
) -> None: ...


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("network=cnn", "cnn"),
        ("network=a=b", "a=b"),
        ("network=", ""),
        ("network=none", "none"),
        ("batch_size=64", 64),
        ("rate=1e-3", 0.001),
        ("rate=2", 2.0),
        *[(f"shuffle={text}", True) for text in ("true", "True", "yes", "1")],
        *[(f"shuffle={text}", False) for text in ("false", "FALSE", "no", "0")],
        ("loss=cross_entropy", "cross_entropy"),
        ("limit=none", None),
        ("limit=7", 7),
        ("tag=None", None),
        ("tag=7", "7"),
        ("depth=2", 2),
        ("depth=none", None),
        ("root=data/x", Path("data/x")),
        ("plain=4", 4),
        ("bare=4", "4"),
        ("anything=4", "4"),
    ],
)
def test_text_becomes_a_value_of_the_annotated_type(pair: str, value: object) -> None:
    (parsed,) = parse_options([pair], options_of(real)).values()
    assert parsed == value
    assert type(parsed) is type(value)


def test_real_annotations_are_read_like_those_in_strings() -> None:
    def stringy(size: int | None = 1, kind: Literal["a", "b"] = "a") -> None: ...

    def annotated(size=1, kind="a"): ...

    annotated.__annotations__ = {"size": int | None, "kind": Literal["a", "b"]}
    assert options_of(stringy) == options_of(annotated)


@given(st.integers(), st.floats(allow_nan=False), st.booleans())
def test_what_python_writes_is_read_back(size: int, rate: float, shuffle: bool) -> None:
    values = {"batch_size": size, "rate": rate, "shuffle": shuffle}
    pairs = [f"{name}={value}" for name, value in values.items()]
    assert parse_options(pairs, options_of(real)) == values


def test_the_last_value_of_a_key_counts() -> None:
    assert parse_options(["rate=1", "rate=2"], options_of(real)) == {"rate": 2.0}


def test_no_pairs_give_no_values() -> None:
    assert parse_options([], options_of(real)) == {}


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("loss", 'Option "loss" has no value: write loss=VALUE. Valid: loss, rate.'),
        ("los=mse", 'Unknown option "los". Did you mean "loss"? Valid: loss, rate.'),
        ("=mse", 'Unknown option "". Valid: loss, rate.'),
        ("rate=fast", 'Option "rate" expects float, got "fast".'),
        (
            "loss=mze",
            'Option "loss" expects cross_entropy | mse, got "mze". Did you mean "mse"?',
        ),
        ("loss=q", 'Option "loss" expects cross_entropy | mse, got "q".'),
    ],
)
def test_text_that_is_no_option_is_told_with_what_is(pair: str, message: str) -> None:
    options = [option for option in options_of(real) if option.name in ("loss", "rate")]
    with pytest.raises(OptionError) as caught:
        parse_options([pair], options)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("batch_size=1.5", 'Option "batch_size" expects int, got "1.5".'),
        ("batch_size=none", 'Option "batch_size" expects int, got "none".'),
        ("shuffle=maybe", 'Option "shuffle" expects true | false, got "maybe".'),
        ("limit=few", 'Option "limit" expects int | none, got "few".'),
        ("depth=3", 'Option "depth" expects 1 | 2 | none, got "3".'),
    ],
)
def test_a_value_of_another_type_is_told_with_the_one_expected(pair: str, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse_options([pair], options_of(real))
    assert str(caught.value) == message


def test_where_there_are_no_options_the_message_says_none() -> None:
    with pytest.raises(OptionError, match=r"Valid: none\.$"):
        parse_options(["a"], [])


# checked
