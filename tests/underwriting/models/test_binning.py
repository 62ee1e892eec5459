from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from underwriting import canonical
from underwriting.features.declaration import Sign
from underwriting.models import binning
from underwriting.models.binning import Bins

NO_CODES: list[np.ndarray] = []


def test_evidence_by_hand():
    # 100 of 1000 bad. Zeros: 20 of 500, with 20 average loans (20 + 2) / 520; ones: 82 / 520.
    values = np.repeat([0.0, 1.0], 500)
    bads = np.zeros(1000)
    bads[:20] = bads[500:580] = 1.0

    found = binning.fit(values, NO_CODES, bads, sign=Sign.RISES)

    assert found.edges == (0.5,)
    assert found.loans == (500, 500, 0)
    assert found.bads == (20, 80, 0)
    assert found.evidence[0] == pytest.approx(log(22 / 498) - log(0.1 / 0.9), abs=1e-6)
    assert found.evidence[1] == pytest.approx(log(82 / 438) - log(0.1 / 0.9), abs=1e-6)


def test_nobody_seen_missing_makes_missing_the_worst():
    values = np.repeat([0.0, 1.0], 500)
    bads = np.zeros(1000)
    bads[:20] = bads[500:580] = 1.0

    found = binning.fit(values, NO_CODES, bads, sign=Sign.RISES)

    assert found.evidence[2] == found.evidence[1] > 0


def test_missing_and_every_code_have_the_evidence_they_showed():
    draw = np.random.default_rng(1)
    kinds = draw.integers(0, 3, 6000)  # a value, plainly missing, code 98
    values = np.where(kinds == 0, draw.uniform(size=6000), np.nan)
    code = (kinds == 2).astype(float)
    bads = (draw.uniform(size=6000) < np.array([0.1, 0.3, 0.02])[kinds]).astype(float)

    found = binning.fit(values, [code], bads, sign=Sign.FREE)

    missing, coded = found.evidence[-2:]
    assert found.loans[-2:] == (int((kinds == 1).sum()), int((kinds == 2).sum()))
    assert missing > 0.5
    assert coded < -0.5
    assert found.places(np.array([np.nan, np.nan, 0.5]), [np.array([0.0, 1.0, 1.0])]).tolist() == [
        found.values,
        found.values + 1,
        found.places(np.array([0.5]), [np.array([0.0])])[0],
    ]


def test_a_step_is_cut_where_it_is():
    draw = np.random.default_rng(2)
    values = draw.integers(0, 12, 8000).astype(float)
    bads = (draw.uniform(size=8000) < np.where(values > 7, 0.3, 0.1)).astype(float)

    assert binning.fit(values, NO_CODES, bads, sign=Sign.RISES).edges == (7.5,)


def test_a_figure_that_runs_against_its_sign_is_one_bin():
    draw = np.random.default_rng(3)
    values = draw.uniform(size=4000)
    bads = (draw.uniform(size=4000) < 0.1 + 0.4 * values).astype(float)

    assert len(binning.fit(values, NO_CODES, bads, sign=Sign.RISES).edges) > 2
    assert binning.fit(values, NO_CODES, bads, sign=Sign.FALLS).edges == ()


def test_noise_is_hardly_cut():
    draw = np.random.default_rng(4)

    cuts = [
        len(
            binning.fit(
                draw.uniform(size=2000),
                NO_CODES,
                (draw.uniform(size=2000) < 0.2).astype(float),
                sign=Sign.RISES,
            ).edges
        )
        for _ in range(40)
    ]

    assert sum(cuts) / len(cuts) < 1.0


def test_the_cuts_are_the_best_of_all_ways_to_cut():
    # Every way to cut six start bins, priced as the module prices them.
    draw = np.random.default_rng(5)
    for _ in range(20):
        values = draw.integers(0, 6, 400).astype(float)
        bads = (draw.uniform(size=400) < 0.1 + 0.05 * values).astype(float)

        found = binning.fit(values, NO_CODES, bads, sign=Sign.RISES)

        ways = [tuple(at + 0.5 for at in range(5) if way >> at & 1) for way in range(32)]
        best = max(worth(values, bads, edges) for edges in ways)
        assert worth(values, bads, found.edges) == pytest.approx(best)


def worth(values, bads, edges):
    """The log-likelihood less the price, or nothing where the evidence does not rise."""
    places, rate = np.searchsorted(edges, values), bads.mean()
    shares, found = [], 0.0
    for place in range(len(edges) + 1):
        part = bads[places == place]
        bad, good = part.sum(), (1 - part).sum()
        if edges and min(bad, good) < binning.KIND_MIN:
            return -np.inf
        shares.append((bad + binning.PRIOR_LOANS * rate) / (len(part) + binning.PRIOR_LOANS))
        found += bad * np.log(bad / len(part)) + good * np.log(good / len(part)) - binning.PRICE
    return found if np.all(np.diff(shares) >= 0) else -np.inf


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    sign=st.sampled_from([Sign.RISES, Sign.FALLS]),
    count=st.integers(20, 600),
)
def test_evidence_moves_the_way_of_the_sign(seed, sign, count):
    draw = np.random.default_rng(seed)
    values = np.round(draw.lognormal(size=count), int(draw.integers(0, 4)))
    values[draw.uniform(size=count) < 0.1] = np.nan
    bads = (draw.uniform(size=count) < draw.uniform(0.02, 0.5)).astype(float)
    bads[:2] = 0.0, 1.0

    found = binning.fit(values, NO_CODES, bads, sign=sign)

    assert np.all(np.diff(found.evidence[: found.values]) * int(sign) >= 0.0)
    assert sum(found.loans) == count
    assert sum(found.bads) == bads.sum()


def test_bins_survive_their_spelling():
    draw = np.random.default_rng(6)
    values, bads = draw.normal(size=3000), np.zeros(3000)
    bads[np.argsort(values)[-600:]] = 1.0
    found = binning.fit(values, NO_CODES, bads, sign=Sign.FREE)

    spelled = canonical.load(canonical.dump(found.to_plain()))

    assert binning.from_plain(spelled, codes=0) == found


@pytest.mark.parametrize(
    "fault",
    [
        {"edges": ["2.0", "1.0"], "loans": [1] * 4, "bads": [0] * 4, "evidence": ["0"] * 4},
        {"evidence": ["0.0", "nan", "0.0"]},
        {"evidence": ["0.0", "0.0"]},
        {"loans": [1, 2]},
        {"edges": ["inf"]},
    ],
)
def test_what_is_no_bins_is_not_read(fault):
    plain = Bins(edges=(0.5,), loans=(5, 5, 0), bads=(1, 2, 0), evidence=(-0.1, 0.1, 0.1))

    with pytest.raises(ValueError):
        binning.from_plain({**plain.to_plain(), **fault}, codes=0)
