"""The job of `jobs` in evosax: networks as JAX functions, a generation compiled into one step."""

from collections.abc import Callable, Iterable, Iterator
from functools import singledispatch
from typing import Any

from jobs import SIGMA, SWAP_PROBABILITY, Generation, Peer, Size
from torch import nn


class EvosaxSimpleGA(Peer):
    """evosax's ``SimpleGA``, a generation compiled into one step.

    Differs in: parents are drawn from the better half, not from tournaments; a pair has one
    child; gaussian noise is added to all weights, as it has no sparse mutation.
    """

    name = "evosax SimpleGA"
    packages = ("evosax", "jax", "optax")

    def prepare(self, size: Size) -> Generation:
        """Return a call of the compiled step."""
        import jax

        key = jax.random.key(0)
        step, state = self.step(size), self.state(size)

        def generation() -> float:
            nonlocal key, state
            key, state, best = step(key, state)
            jax.block_until_ready(state)
            return float(best)

        return generation

    def state(self, size: Size) -> Any:
        """Return the algorithm's state with the ancestors scored."""
        import jax

        population = _unravel_rows(size)
        fitness = jax.jit(jax.vmap(_jax_loss(size)))(population)
        algorithm, parameters = self.algorithm(size)
        return algorithm.init(jax.random.key(1), population, fitness, parameters)

    def step(self, size: Size) -> Callable[[Any, Any], tuple[Any, Any, Any]]:
        """Return ask, evaluate, tell as one compiled function of key and state."""
        import jax

        algorithm, parameters = self.algorithm(size)
        losses = jax.vmap(_jax_loss(size))

        def step(key: Any, state: Any) -> tuple[Any, Any, Any]:
            key, ask_key, tell_key = jax.random.split(key, 3)
            population, state = algorithm.ask(ask_key, state, parameters)
            loss = losses(population)
            state, _ = algorithm.tell(tell_key, population, loss, state, parameters)
            return key, state, -loss.min()

        return jax.jit(step, donate_argnums=(0, 1))

    def algorithm(self, size: Size) -> tuple[Any, Any]:
        """Return the configured ``SimpleGA`` and its parameters; it minimises."""
        import jax
        import optax
        from evosax.algorithms import SimpleGA

        solution = jax.tree.map(lambda rows: rows[0], _unravel_rows(size.limited(1)))
        algorithm = SimpleGA(size.population, solution, std_schedule=optax.constant_schedule(SIGMA))
        return algorithm, algorithm.default_params.replace(crossover_rate=SWAP_PROBABILITY)


def _unravel_rows(size: Size) -> tuple[Any, ...]:
    """Return the ancestors as JAX arrays ``[population, *shape]``, one a parameter."""
    import jax.numpy

    parameters = list(size.module().parameters())
    parts = size.ancestors().split([parameter.numel() for parameter in parameters], dim=1)
    return tuple(
        jax.numpy.asarray(part.reshape(-1, *parameter.shape).numpy())
        for part, parameter in zip(parts, parameters, strict=True)
    )


def _jax_loss(size: Size) -> Callable[[Iterable[Any]], Any]:
    """Return the mean cross-entropy as a function of one network's arrays."""
    import jax.numpy
    import optax

    layers = list(size.module())
    inputs, targets = (
        jax.numpy.asarray(size.inputs.numpy()),
        jax.numpy.asarray(size.targets.numpy()),
    )

    def loss(weights: Iterable[Any]) -> Any:
        outputs, remaining = inputs, iter(weights)
        for layer in layers:
            outputs = _jax_layer(layer, outputs, remaining)
        return optax.softmax_cross_entropy_with_integer_labels(outputs, targets).mean()

    return loss


@singledispatch
def _jax_layer(layer: nn.Module, inputs: Any, weights: Iterator[Any]) -> Any:
    """Return what a torch layer computes, in JAX; takes the weights that it needs."""
    raise TypeError(f"No JAX counterpart of {type(layer).__name__} is written here.")


@_jax_layer.register
def _(layer: nn.Linear, inputs: Any, weights: Iterator[Any]) -> Any:
    return inputs @ next(weights).T + next(weights)


@_jax_layer.register
def _(layer: nn.Conv2d, inputs: Any, weights: Iterator[Any]) -> Any:
    import jax

    padding = [(side, side) for side in layer.padding]
    outputs = jax.lax.conv_general_dilated(inputs, next(weights), layer.stride, padding)
    return outputs + next(weights)[:, None, None]


@_jax_layer.register
def _(layer: nn.MaxPool2d, inputs: Any, weights: Iterator[Any]) -> Any:
    import jax

    window = (1, 1, layer.kernel_size, layer.kernel_size)
    return jax.lax.reduce_window(inputs, -jax.numpy.inf, jax.lax.max, window, window, "VALID")


@_jax_layer.register
def _(layer: nn.Flatten, inputs: Any, weights: Iterator[Any]) -> Any:
    return inputs.reshape(len(inputs), -1)


@_jax_layer.register
def _(layer: nn.ReLU, inputs: Any, weights: Iterator[Any]) -> Any:
    import jax

    return jax.nn.relu(inputs)


@_jax_layer.register
def _(layer: nn.Tanh, inputs: Any, weights: Iterator[Any]) -> Any:
    import jax

    return jax.numpy.tanh(inputs)
