from hypothesis import given
from hypothesis import strategies as st

from deapnets.engines.waiting import Waiting


def waiting(count):
    numbers = Waiting()
    numbers.add(count)
    return numbers


def test_one_individual_is_tried_while_nobody_knows_how_long_it_takes():
    assert waiting(100).take(2, None, None) == range(1)


@given(count=st.integers(1, 500), workers=st.integers(1, 9), pace=st.floats(0, 10))
def test_tasks_are_all_individuals_once_and_in_order(count, workers, pace):
    numbers, taken = waiting(count), []
    while numbers:
        taken += numbers.take(workers, pace, None)
    assert taken == list(range(count))


def test_tasks_get_smaller_so_that_workers_end_together():
    numbers, sizes = waiting(100), []
    while numbers:
        sizes.append(len(numbers.take(2, 1e-6, None)))
    assert sizes[0] == 25
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 1


def test_a_task_takes_a_fifth_of_a_second():
    assert len(waiting(1000).take(2, 0.02, None)) == 10
    assert len(waiting(1000).take(2, 60.0, None)) == 1


def test_a_task_takes_a_tenth_of_the_time_limit():
    assert len(waiting(1000).take(2, 0.02, 1.0)) == 5


def test_what_was_lost_is_tried_again_alone_and_first():
    numbers = waiting(40)
    lost = numbers.take(1, 0.05, None)
    assert lost == range(4)
    assert not numbers.lost(lost)
    assert [numbers.take(1, 0.05, None) for _ in lost] == [range(i, i + 1) for i in lost]
    assert numbers.take(1, 0.05, None) == range(4, 8)


def test_an_individual_is_given_up_after_the_third_loss_alone():
    numbers = waiting(4)
    assert not numbers.lost(range(4))
    assert not numbers.lost(range(1, 2))
    assert numbers.lost(range(1, 2))


def test_three_losses_in_company_give_nobody_up():
    numbers = waiting(4)
    assert not any(numbers.lost(range(4)) for _ in range(5))


def test_what_is_left_counts_down():
    numbers = waiting(4)
    numbers.arrived(len(numbers.take(1, 1e-6, None)))
    assert numbers.left == 2
    numbers.add(3)
    assert numbers.left == 5
