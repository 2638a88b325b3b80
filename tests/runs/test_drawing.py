import random

import numpy as np
import torch

from deapnets.runs.drawing import random_states, set_random_states
from deapnets.runs.packing import pack, unpack


def drawn():
    return random.random(), random.gauss(0, 1), np.random.normal(), torch.rand(1).item()


def test_generators_that_are_put_back_draw_the_same_numbers_again():
    drawn()  # gauss and normal keep a second number for the next call
    state = unpack(pack(random_states()))
    first = drawn()
    assert drawn() != first
    set_random_states(state)
    assert drawn() == first
