"""The evaluator ``gan`` keeps the contract of evaluators, with each of its judges."""

from deapnets_gan.evaluator import Gan

from deapnets.testing import EvaluatorContract

SMALL = {"dataset": "digits", "network": "mlp-8", "latent": 4, "batch_size": 8}


class TestGan(EvaluatorContract):
    cases = [
        (Gan, {**SMALL, "judge": "feature", "directions": 4}),
        (Gan, {**SMALL, "judge": "discriminator", "steps": 1, "opponents": 1, "vector": True}),
    ]
    population_size = 3
