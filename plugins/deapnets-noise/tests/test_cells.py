"""One cell: the networks as one batch, budgets that are equal, seeds that belong together."""

import numpy as np
import pytest
import torch
from deapnets_noise import cells
from deapnets_noise.cells import BATCH, Bench, Cell, network, train_cell


def test_first_networks_are_those_that_torch_draws_for_the_seeds(images):
    start = Bench(images, 3).start()
    torch.manual_seed(2)
    expected = torch.cat([p.detach().reshape(-1) for p in network().parameters()])
    assert torch.equal(start[1], expected)


@pytest.mark.parametrize("rule", ["cost", "accept", "es", "adam"])
def test_networks_of_few_seeds_are_the_first_of_many(images, rule):
    few = train_cell(Cell(rule), Bench(images, 2), epochs=4)
    many = train_cell(Cell(rule), Bench(images, 5), epochs=4)
    torch.testing.assert_close(many[:2], few, rtol=0, atol=0.02)


@pytest.mark.parametrize(
    ("rule", "price"), [("cost", 1), ("accept", 2), ("spsa", 2), ("es", 16), ("adam", 3)]
)
def test_every_rule_spends_the_same_number_of_forward_passes(images, rule, price, monkeypatch):
    rows_seen = []
    costs = Bench.costs

    def counted(self, rows, part):
        rows_seen.append(len(rows) * len(part))
        return costs(self, rows, part)

    monkeypatch.setattr(Bench, "costs", counted)
    train_cell(Cell(rule), Bench(images, 2), epochs=12)
    backward = 3 if rule == "adam" else 1
    assert backward * sum(rows_seen) == 2 * (12 * 4 // price) * price * BATCH


def test_back_propagation_learns_what_shuffled_labels_cannot_teach(images):
    bench = Bench(images, 4)
    assert float(train_cell(Cell("adam"), bench, epochs=30).median()) > 0.95
    shuffled = train_cell(Cell("adam", shuffled=True), bench, epochs=30)
    assert 0.1 < float(shuffled.mean()) < 0.9


def test_steps_that_are_kept_when_they_help_learn(images):
    accepted = train_cell(Cell("accept"), Bench(images, 4), epochs=60)
    assert float(accepted.median()) > 0.9


def test_an_epoch_shows_every_image_at_most_once(images):
    seen = [part.inputs[:, 0] for part in cells._batches(images.train, 4)]
    assert len(np.unique(torch.cat(seen).numpy())) == 512


def test_cells_have_names_of_their_own():
    from deapnets_noise.study import REFERENCE
    from deapnets_noise.study import cells as all_cells

    names = [cell.name for cell in all_cells()]
    assert len(set(names)) == len(names)
    assert REFERENCE in all_cells()
    assert {"cost/gumbel/raw", "adam", "blind/beta/raw", "cost/gumbel/raw/shuffled"} <= set(names)
