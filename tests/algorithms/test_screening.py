"""Screening: who is evaluated, when a proxy is not believed, and that nothing else changes."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from scipy import stats

import deapnets as dn
from deapnets.algorithms.screening import ENOUGH, Screening, proxy_of, rank_correlation
from deapnets.algorithms.searches import search_toolbox
from deapnets.errors import ArchitectureError, OptionError
from deapnets.evaluators.bitstring import BitString


def worth(individual):
    return sum(individual.genes)


def against(individual):
    return -sum(individual.genes)


def make_search(proxy=None, children=4, kind=dn.eaAging, seed=3, **options):
    """Return a search of bit strings, seeded; with a proxy or none."""
    random.seed(seed)
    toolbox = search_toolbox(BitString(bits=30, noise=0.02))
    screening = None if proxy is None else Screening(proxy, children)
    how = {"evaluations": 120, "screening": screening, **options}
    if kind in (dn.eaRandom, dn.eaLocal):
        return kind(toolbox, **how)
    return kind(toolbox.population(n=25), toolbox, **how)


def trace(search):
    return [(str(one.individual), one.outcome.values) for one in search]


@pytest.mark.parametrize("kind", [dn.eaAging, dn.eaNonAging, dn.eaPairs, dn.eaRandom])
def test_a_proxy_that_ranks_as_fitness_does_finds_more(kind):
    found = {}
    for proxy in (None, worth):
        searches = [make_search(proxy, kind=kind, seed=s, evaluations=80) for s in range(4)]
        found[proxy] = sum(worth(search.run()) for search in searches) / 4
    assert found[worth] > found[None] + 0.5
    assert searches[0].figures()["screened"] == 1.0
    assert searches[0].figures()["proxy_agreement"] > 0.8


def test_the_agreement_is_spearmans_over_all_evaluations():
    search = make_search(lambda one: one.genes[0] + 0.1 * worth(one))
    done = [(one.individual, one.outcome.values[0]) for one in search]
    expected = stats.spearmanr(
        [one.genes[0] + 0.1 * worth(one) for one, _ in done], [score for _, score in done]
    ).statistic
    assert search.figures()["proxy_agreement"] == pytest.approx(expected)


def test_a_proxy_that_ranks_the_other_way_switches_itself_off_and_changes_nothing():
    asked = []

    def proxy(individual):
        asked.append(individual)
        return against(individual)

    search = make_search(proxy)
    assert trace(search) == trace(make_search())
    assert search.figures()["screened"] == 0.0
    assert search.figures()["proxy_agreement"] < 0.2
    assert len(asked) <= ENOUGH


def test_a_proxy_that_is_off_stays_off():
    screening = Screening(worth, 3)
    individuals = [dn.initChoices(dn.ChoiceGenome, BitString(bits=9).space()) for _ in range(60)]
    for one in individuals[:ENOUGH]:
        screening.note(one, -worth(one))
    assert screening.off
    for one in individuals[ENOUGH:] * 20:
        screening.note(one, worth(one))
    assert screening.off


def test_nobody_is_screened_before_the_proxy_was_compared():
    calls = []
    screening = Screening(worth, 5)
    made = screening.choose(lambda: calls.append(1) or "it")
    assert (made, len(calls)) == ("it", 1)
    assert screening.figures() == {"screened": 0.0}


def test_what_has_no_network_is_liked_least():
    def proxy(individual):
        if not individual.genes[0]:
            raise ArchitectureError("nothing")
        return 1.0

    space = BitString(bits=3).space()
    bad, good = (dn.ChoiceGenome(space, genes) for genes in ((0, 1, 1), (1, 0, 0)))
    screening = Screening(proxy, 2)
    assert screening.value(bad) == -np.inf < screening.value(good)


@pytest.mark.parametrize("window", [1, 5])
def test_a_screened_search_goes_on_from_its_state(window):
    whole = make_search(worth, window=window)
    for _ in range(60):
        next(whole)
    state, random_state = json.loads(json.dumps(whole.state_dict())), random.getstate()
    rest = trace(whole)
    again = make_search(worth, window=window)
    again.load_state_dict(state)
    random.setstate(random_state)
    assert trace(again) == rest
    assert again.figures() == whole.figures()


def test_searches_that_draw_no_children_refuse_a_proxy():
    with pytest.raises(OptionError, match="eaLocal draws no children to choose from"):
        make_search(worth, kind=dn.eaLocal)


@pytest.mark.parametrize("size", [2, 7, 50])
def test_rank_correlation_is_scipys(size):
    rng = np.random.default_rng(size)
    a, b = rng.integers(0, 9, size) + np.arange(size) % 2, rng.normal(size=size)
    assert rank_correlation(a, b) == pytest.approx(stats.spearmanr(a, b).statistic)
    assert rank_correlation([1.0, 1.0], [1.0, 2.0]) == 0.0


def test_an_unknown_proxy_is_told_with_those_there_are():
    with pytest.raises(OptionError, match=r'Unknown proxy "flop". Did you mean "flops"\?'):
        proxy_of(BitString(), "flop")


def test_an_evaluator_without_networks_says_so():
    evaluator = BitString(bits=4)
    individual = dn.initChoices(dn.ChoiceGenome, evaluator.space())
    with pytest.raises(OptionError, match="makes no networks for proxies: define prototype"):
        proxy_of(evaluator, "naswot")(individual)
