"""Learning by rules: a batch equals a loop, and a rule written by hand from its print equals it."""

import pytest
import torch
from deapnets_programs.learning import (
    ARGUMENTS,
    BATCH,
    COLUMNS,
    HIDDEN,
    RATE,
    ROWS,
    WIDTH,
    Lesson,
    follow,
    learn,
    mask,
)
from deapnets_programs.rules import BASELINES, candidates, descend, tuned_baseline, tuned_reference
from deapnets_programs.tasks import INPUTS, OUTPUTS

from deapnets.programs.printing import mathematics, source

RULES = {
    "spsa": "mul(mul(-3.0, change), noise)",
    "hebbian": "mul(0.1, sub(mul(x, y), w))",
    "a number": "0.01",
    "step alone": "mul(0.01, step)",
    "mixed": "neg(mul(sign(change), add(tanh(y), mul(noise, sub(2.0, step)))))",
}


def by_hand(lesson: Lesson, rule) -> torch.Tensor:
    """Return the scores by a rule, task by task and layer by layer, with plain matrices."""
    tasks = lesson.tasks
    rows, seeds = lesson.draws()
    scores = []
    start = lesson.start()
    for task in range(len(tasks)):
        last = [INPUTS, HIDDEN]
        sizes = [HIDDEN, OUTPUTS]
        layers = [
            torch.cat([start[n, task, : sizes[n], : last[n]], start[n, task, : sizes[n], -1:]], 1)
            for n in range(2)
        ]
        for number in range(lesson.steps):
            generator = torch.Generator().manual_seed(int(seeds[number]))
            drawn = torch.randn(2, len(tasks), ROWS, COLUMNS, generator=generator)[:, task]
            noise = [
                torch.cat([drawn[n, : sizes[n], : last[n]], drawn[n, : sizes[n], -1:]], 1)
                for n in range(2)
            ]
            inputs = tasks.inputs[task, rows[number]]
            targets = tasks.targets[task, rows[number]]

            def run(weights, inputs=inputs):
                x1 = torch.cat([inputs, torch.ones(len(inputs), 1)], 1)
                x2 = torch.cat([torch.tanh(x1 @ weights[0].T), torch.ones(len(inputs), 1)], 1)
                return x1, x2, x2 @ weights[1].T

            def cost(outputs, task=task, targets=targets):
                if tasks.classes[task]:
                    return torch.nn.functional.cross_entropy(outputs, targets.argmax(1))
                return torch.nn.functional.mse_loss(outputs, targets)

            plus = cost(run([w + WIDTH * z for w, z in zip(layers, noise, strict=True)])[2])
            minus = cost(run([w - WIDTH * z for w, z in zip(layers, noise, strict=True)])[2])
            change, mean = (plus - minus) / (2 * WIDTH), (plus + minus) / 2
            x1, x2, outputs = run(layers)
            step = torch.tensor(1.0 - number / lesson.steps)
            moved = []
            for w, z, x, y in zip(layers, noise, (x1, x2), (x2[:, :-1], outputs), strict=True):
                value = rule(x[:, None, :], y[:, :, None], w, z, step, mean, change)
                moved.append(RATE * value.expand(len(x), *w.shape).mean(0))
            layers = [w + m for w, m in zip(layers, moved, strict=True)]
        tests = tasks.test_inputs[task]
        x1 = torch.cat([tests, torch.ones(len(tests), 1)], 1)
        x2 = torch.cat([torch.tanh(x1 @ layers[0].T), torch.ones(len(tests), 1)], 1)
        scores.append(x2 @ layers[1].T)
    return tasks.scores(tasks.costs(torch.stack(scores), tasks.test_targets))


@pytest.mark.parametrize("text", RULES.values(), ids=RULES)
def test_a_rule_from_its_printed_source_scores_the_same_by_hand(space, lesson, text):
    names: dict = {}
    exec(source(space.parse_genes(text), space.pset, "rule"), names)
    ours = learn([space.parse_genes(text)], space, lesson)[0]
    assert torch.allclose(by_hand(lesson, names["rule"]), ours, atol=2e-3)


def test_a_rule_from_its_printed_mathematics_scores_the_same(space, lesson):
    program = space.parse_genes("neg(mul(sign(change), add(noise, add(noise, mul(0.5, w)))))")
    printed = mathematics(program, space.pset)
    functions = {"sign": torch.sign, "sqrt": torch.sqrt, "tanh": torch.tanh, "Abs": torch.abs}
    written = eval(f"lambda {', '.join(ARGUMENTS)}: {printed}", functions)
    ours = learn([program], space, lesson)[0]
    assert torch.allclose(follow([written], lesson)[0], ours, atol=2e-3)


def test_a_batch_of_rules_equals_each_alone(space, lesson):
    programs = [space.parse_genes(text) for text in RULES.values()]
    together = learn(programs, space, lesson)
    for program, row in zip(programs, together, strict=True):
        assert torch.allclose(learn([program], space, lesson)[0], row, atol=1e-4)


def test_what_is_no_weight_stays_nothing():
    assert int(mask().sum()) == HIDDEN * (INPUTS + 1) + OUTPUTS * (HIDDEN + 1)


def test_a_rule_that_blows_up_has_the_worst_score_and_harms_no_other(space, lesson):
    programs = [space.parse_genes(t) for t in ("mul(1000.0, square(w))", RULES["spsa"])]
    bad, good = learn(programs, space, lesson)
    assert torch.equal(bad, -torch.ones(6))
    assert torch.allclose(good, learn(programs[1:], space, lesson)[0], atol=1e-4)


def test_neither_error_nor_gradient_is_at_hand(space):
    assert tuple(space.pset.arguments) == ARGUMENTS
    assert set(ARGUMENTS) == {"x", "y", "w", "noise", "step", "cost", "change"}


def test_change_is_the_slope_along_the_noise(space, lesson):
    seen = []

    def rule(x, y, w, noise, step, cost, change):
        seen.append((x.shape, y.shape, w.shape, float(cost.mean()), float(change.abs().mean())))
        return 0.0 * noise

    follow([rule], Lesson(lesson.tasks, 1, 5))
    x, y, w, cost, change = seen[0]
    assert x == (2, 6, BATCH, 1, COLUMNS)
    assert y == (2, 6, BATCH, ROWS, 1)
    assert w == (2, 6, 1, ROWS, COLUMNS)
    assert cost > 0.3
    assert change > 0.01


def test_perturbation_and_references_learn_and_noise_and_hebb_do_not(space):
    from deapnets_programs.rule import Rule

    evaluator = Rule(tasks=6, unseen=6)
    known, unseen = evaluator.known[:1], evaluator.unseen[:1]
    scores = {n: float(tuned_baseline(n, space, known, unseen).scores.mean()) for n in BASELINES}
    references = {
        n: float(tuned_reference(n, known, unseen).scores.mean()) for n in ("delta", "backprop")
    }
    assert scores["spsa"] > 0.3
    assert max(scores["noise"], scores["hebb"], scores["nothing"]) < 0.05
    assert references["backprop"] > references["delta"]
    assert references["backprop"] > scores["spsa"]


def test_back_propagation_steps_down_the_slope(lesson):
    fewer = Lesson(lesson.tasks, 1, 5)
    (before,) = descend(Lesson(lesson.tasks, 0, 5), [1.0], "backprop")
    (after,) = descend(fewer, [1.0], "backprop")
    (last_alone,) = descend(fewer, [1.0], "delta")
    assert float((after - before).mean()) > 0
    assert not torch.equal(after, last_alone)


def test_candidates_are_programs_of_the_space(space):
    for name in BASELINES:
        assert all(space.parse_genes(text) for text in candidates(name))
