import re

import pytest
import torch

from deapnets.errors import OptionError
from deapnets.strategies.optimisers import (
    ClipUp,
    TorchOptimiser,
    norm_of,
    require_momentum,
    require_optimiser,
)

MAKERS = {
    "adam": lambda: TorchOptimiser("adam", 0.01, 0.9),
    "sgd": lambda: TorchOptimiser("sgd", 0.01, 0.9),
    "clipup": lambda: ClipUp(0.9, 2.0),
}


@pytest.fixture(params=MAKERS)
def make(request):
    return MAKERS[request.param]


def walk(optimiser, centre, steps):
    for step in range(steps):
        centre = optimiser.step(centre, torch.tensor([1.0, -2.0, 0.5 * step]), 0.1)
    return centre


def test_a_step_goes_up_the_gradient_and_leaves_the_centre_alone(make):
    centre = torch.zeros(3)
    after = make().step(centre, torch.tensor([1.0, -1.0, 0.0]), 0.1)
    assert after[0] > 0 > after[1]
    assert after[2] == 0
    assert centre.tolist() == [0.0, 0.0, 0.0]


def test_a_gradient_of_zero_goes_nowhere_from_zero(make):
    assert make().step(torch.zeros(3), torch.zeros(3), 0.1).tolist() == [0.0, 0.0, 0.0]


def test_a_restored_optimiser_goes_on_as_if_nothing_had_happened(make):
    whole = walk(make(), torch.zeros(3), 6)
    first = make()
    centre = walk(first, torch.zeros(3), 3)
    second = make()
    second.load_state_dict(first.state_dict())
    for step in range(3, 6):
        centre = second.step(centre, torch.tensor([1.0, -2.0, 0.5 * step]), 0.1)
    assert torch.equal(centre, whole)


def test_the_state_does_not_change_with_later_steps(make):
    optimiser = make()
    walk(optimiser, torch.zeros(3), 2)
    state = optimiser.state_dict()
    copies = {name: torch.as_tensor(value).clone() for name, value in state.items()}
    walk(optimiser, torch.zeros(3), 2)
    assert all(torch.equal(torch.as_tensor(state[name]), copies[name]) for name in copies)


def test_clipup_steps_have_one_length_whatever_the_gradients():
    for scale in (1e-6, 1.0, 1e6):
        after = ClipUp(0.9, 2.0).step(torch.zeros(3), scale * torch.tensor([3.0, 4.0, 0.0]), 0.1)
        torch.testing.assert_close(after, torch.tensor([0.06, 0.08, 0.0]))


def test_clipup_never_goes_faster_than_its_limit():
    optimiser, centre = ClipUp(0.9, 2.0), torch.zeros(3)
    for _ in range(30):
        before = centre
        centre = optimiser.step(centre, torch.tensor([1.0, 0.0, 0.0]), 0.1)
        assert norm_of(centre - before) <= 0.2001
    assert norm_of(centre - before) > 0.199


def test_adam_draws_the_centre_to_zero_whatever_the_gradient():
    drawn, free = TorchOptimiser("adam", 0.5, 0.9), TorchOptimiser("adam", 0.0, 0.9)
    start, gradient = torch.tensor([4.0]), torch.tensor([1.0])
    difference = free.step(start, gradient, 0.1) - drawn.step(start, gradient, 0.1)
    assert difference.item() == pytest.approx(0.1 * 0.5 * 4.0)


def test_a_norm_is_that_of_torch():
    vector = torch.randn(1000)
    assert norm_of(vector) == pytest.approx(float(vector.norm()), rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("adem", 0.0, 0.9), 'Unknown optimiser "adem". Did you mean "adam"? Valid: adam, sgd.'),
        (("adam", 1.0, 0.9), "weight_decay is a number in [0, 1), got 1.0."),
        (("sgd", 0.0, 1.0), "momentum is a number in [0, 1), got 1.0."),
    ],
)
def test_numbers_an_optimiser_cannot_use_are_refused(arguments, message):
    with pytest.raises(OptionError, match=f"^{re.escape(message)}$"):
        require_optimiser(*arguments)


def test_a_momentum_below_zero_is_refused():
    with pytest.raises(OptionError, match="momentum is a number in"):
        require_momentum(-0.1)
