"""A run's best network on its own: as a module, and as a file that other programs read.

What is written is read back and compared with the original on real inputs.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from deapnets.errors import DataError, LayoutError, OptionError, RunError, unknown
from deapnets.evaluators.architectures import ArchitectureEvaluator
from deapnets.runs.directory import RunDirectory
from deapnets.runs.resuming import stored_configuration

if TYPE_CHECKING:
    import torch
    from torch import nn

    from deapnets.evaluators.base import Evaluator

    Examples = tuple[torch.Tensor, ...]
    Compute = Callable[..., torch.Tensor]

TOLERANCE = 1e-4
"""Largest difference of outputs, relative or absolute: other programs round differently."""


class Best(NamedTuple):
    """The best network of a run, and the evaluator that knows its inputs."""

    evaluator: Evaluator
    network: nn.Module


class Exported(NamedTuple):
    """What was written."""

    weights: int
    inputs: int  # on which it was compared with the original
    difference: float  # largest one of an output
    usage: str  # Python that reads it
    takes: str  # what inputs look like; "" where nobody knows


def best_network(directory: RunDirectory, *, any_version: bool = False) -> Best:
    """Return a run's best network, in evaluation mode on the CPU.

    Raises
    ------
    RunError
        When the run saved no network, or searched structures.
    PluginError
        When the evaluator is not installed.
    LayoutError
        When the weights are those of another network than the evaluator makes now.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    configuration = stored_configuration(directory, any_version=any_version)
    evaluator = configuration.evaluator
    path = directory.path / "best.safetensors"
    if isinstance(evaluator, ArchitectureEvaluator):
        raise RunError(
            f"The run in {directory.path} searched structures, and kept the weights of none. "
            "best.json has the best one."
        )
    if not path.is_file():
        raise RunError(f"{directory.path} has no best.safetensors: the run saved no network yet.")
    try:
        state = load_file(path)
    except (SafetensorError, OSError) as error:
        raise RunError(f"{path} cannot be read: {error}.") from error
    module = copy.deepcopy(evaluator.genome())
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise LayoutError(
            f"{path} is not of the network that {evaluator.title} makes: {reason}"
        ) from error
    return Best(evaluator, _complete(evaluator, module).eval())


def _complete(evaluator: Evaluator, module: nn.Module) -> nn.Module:
    from deapnets.algorithms.ga import individual_class
    from deapnets.genomes.nodes import Node

    evaluator.genome().load_state_dict(module.state_dict())  # what is not evolved, too
    layout = evaluator.layout()
    return evaluator.complete(individual_class(evaluator)(Node(layout, layout.flatten(module))))


def export(best: Best, path: Path, *, count: int = 100, replace: bool = False) -> Exported:
    """Write a network as its file's ending says: ``.safetensors``, ``.pt2`` or ``.onnx``.

    Parameters
    ----------
    best
        Of `best_network`.
    path
        The file.
    count
        Real inputs that the written network is compared with the original on.
    replace
        Write over a file that is there.

    Raises
    ------
    OptionError
        When the ending is none of these, or a package is missing that writes it.
    RunError
        When the file is there, cannot be written, or computes something else than the original.
    DataError
        When a format needs inputs, and the evaluator gives none.
    """
    if path.suffix not in _WRITERS:
        raise OptionError(unknown("ending", path.suffix, _WRITERS))
    if path.exists() and not replace:
        raise RunError(f"{path} is there already. --force writes over it.")
    if not path.absolute().parent.is_dir():
        raise RunError(f"There is no folder {path.absolute().parent} to write {path.name} to.")
    examples = _examples(best, count)
    compute = _WRITERS[path.suffix](best, path, examples)
    weights = sum(parameter.numel() for parameter in best.network.parameters())
    seen = 0 if examples is None else len(examples[0])
    difference = _compared(best.network, compute, examples, path)
    return Exported(
        weights, seen, difference, _usage(path), " and ".join(map(_looks, examples or ()))
    )


def _examples(best: Best, count: int) -> Examples | None:
    """Return real inputs: as many tensors as the network takes."""
    given = best.evaluator.examples(count)
    return given if given is None or isinstance(given, tuple) else (given,)


def _looks(inputs: torch.Tensor) -> str:
    """Return type, shape and range of inputs, as somebody has to make them."""
    kind = str(inputs.dtype).removeprefix("torch.")
    shape = ", ".join(["n", *map(str, inputs.shape[1:])])
    return f"{kind} [{shape}] from {float(inputs.min()):.4g} to {float(inputs.max()):.4g}"


def _compared(network: nn.Module, compute: Compute, examples: Examples | None, path: Path) -> float:
    """Return the largest difference of outputs; a `RunError` where it is more than rounding."""
    import torch

    if examples is None:
        return 0.0
    with torch.no_grad():
        expected = network(*examples)
        got = compute(*examples)
    difference = float((got - expected).abs().max())
    if not torch.allclose(got, expected, rtol=TOLERANCE, atol=TOLERANCE):
        raise RunError(
            f"{path} computes something else than the run's network: outputs differ by up to "
            f"{difference:.3g} on {len(examples[0])} real inputs."
        )
    return difference


def _safetensors(best: Best, path: Path, examples: Examples | None) -> Compute:
    import torch
    from safetensors.torch import load_file, save_file

    own = best.network.state_dict().items()  # tied parameters: safetensors shares no memory
    state = {name: value.clone(memory_format=torch.contiguous_format) for name, value in own}
    _written(path, lambda: save_file(state, path, metadata={"format": "pt"}))
    back = copy.deepcopy(best.network)
    for parameter in back.parameters():
        parameter.data.zero_()
    back.load_state_dict(load_file(path))
    return back


def _pt2(best: Best, path: Path, examples: Examples | None) -> Compute:
    import torch

    program = _program(best, examples)
    _written(path, lambda: torch.export.save(program, path))
    back: Compute = torch.export.load(path).module()
    return back


def _onnx(best: Best, path: Path, examples: Examples | None) -> Compute:
    import torch

    try:
        import onnxruntime
        import onnxscript  # noqa: F401  # torch writes with it
    except ImportError as error:
        raise OptionError(
            f'Writing .onnx needs {error.name}: pip install "deapnets[onnx]"'
        ) from error
    program = _program(best, examples)
    names = _input_names(len(examples or ()))
    with _quiet():
        written = torch.onnx.export(
            program, input_names=names, output_names=["outputs"], dynamo=True, verbose=False
        )
        assert written is not None  # it is None for another exporter
        _written(path, lambda: written.save(path, external_data=False))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda *inputs: torch.from_numpy(
        session.run(None, {name: x.numpy() for name, x in zip(names, inputs, strict=True)})[0]
    )


def _input_names(count: int) -> list[str]:
    """Return ``inputs``, and ``inputs_2`` and so on for what a network takes besides."""
    return ["inputs", *(f"inputs_{number}" for number in range(2, count + 1))]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep to itself what torch says of its own parts while it writes ONNX."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _program(best: Best, examples: Examples | None) -> torch.export.ExportedProgram:
    """Return the network's computation for any number of inputs."""
    import torch

    if examples is None:
        raise DataError(
            f"{best.evaluator.title} gives no inputs to follow the network's computation with: "
            "define examples, or export .safetensors."
        )
    batch = torch.export.Dim("batch")
    try:
        return torch.export.export(
            best.network,
            tuple(example[:2].contiguous() for example in examples),
            dynamic_shapes=tuple({0: batch} for _ in examples),
        )
    except Exception as error:  # torch has many ways to say that it cannot follow a module
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise RunError(
            f"torch cannot follow the computation of this network: {reason} "
            "Export .safetensors, and make the module again where it is used."
        ) from error


def _written(path: Path, write: Callable[[], object]) -> None:
    try:
        write()
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror or error}.") from error


def _usage(path: Path) -> str:
    if path.suffix == ".safetensors":
        return f'module.load_state_dict(safetensors.torch.load_file("{path}"))'
    if path.suffix == ".pt2":
        return f'network = torch.export.load("{path}").module()'
    return f'onnxruntime.InferenceSession("{path}").run(None, {{"inputs": x}})'


_WRITERS: dict[str, Callable[[Best, Path, Examples | None], Compute]] = {
    ".safetensors": _safetensors,
    ".pt2": _pt2,
    ".onnx": _onnx,
}
