import json
import os
from importlib import metadata

import torch

from deapnets.randomness import RECIPE_VERSION
from deapnets.runs.environment import environment


def test_an_environment_is_json_and_says_versions_and_hardware():
    found = json.loads(json.dumps(environment()))
    assert list(found) == [
        "python",
        "platform",
        "versions",
        "recipe_version",
        "processor",
        "cores",
        "threads",
        "memory_bytes",
        "devices",
    ]
    assert (found["recipe_version"], found["cores"]) == (RECIPE_VERSION, os.cpu_count())
    assert found["threads"] == torch.get_num_threads()
    assert len(found["devices"]) == torch.cuda.device_count()
    assert found["memory_bytes"] > 1 << 20
    assert found["processor"]


def test_versions_are_those_that_are_installed():
    versions = environment("click")["versions"]
    assert {"deapnets", "deap", "numpy", "scipy", "torch", "safetensors", "click"} == set(versions)
    assert versions == {name: metadata.version(name) for name in versions}


def test_a_distribution_that_is_not_installed_has_no_version():
    assert environment("deapnets-nowhere")["versions"]["deapnets-nowhere"] is None
