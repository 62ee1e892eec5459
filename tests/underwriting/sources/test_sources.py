from __future__ import annotations

from decimal import Decimal

import pytest

from kernel.money import Money
from tests.underwriting.sources import world
from underwriting.dossier import WatchlistHit
from underwriting.sources import bureau, income, watchlists
from underwriting.sources.asking import SourceRefused, SourceSilent

MODES = ("http_500", "garbage")


def report(surroundings, authorisation_no: str = "A-1"):
    return bureau.report(
        surroundings.outbound["bureau"], world.PERSON, authorisation_no=authorisation_no
    )


def test_of_the_bureau_s_figures_only_those_that_are_used_are_kept(sandbox, surroundings):
    world.load(sandbox)

    found = report(surroundings)

    assert found.figures == {
        "inquiries_12m": Decimal(2),
        "debt_to_income_pct": Decimal("15.5"),
        "months_since_oldest_instalment": None,
    }
    assert found.report_no.startswith("CR")


def test_a_person_without_a_file_has_none(sandbox, surroundings):
    assert report(surroundings) is None


def test_without_an_authorisation_the_bureau_refuses(sandbox, surroundings):
    world.load(sandbox)

    with pytest.raises(SourceRefused) as refused:
        report(surroundings, authorisation_no="")
    assert refused.value.status == 403
    assert world.ID_NUMBER not in str(refused.value)


@pytest.mark.parametrize("mode", MODES)
def test_an_outage_of_the_bureau_is_silence_and_not_a_missing_file(sandbox, surroundings, mode):
    world.load(sandbox)
    world.outage(sandbox, "bureau", mode)

    with pytest.raises(SourceSilent) as silence:
        report(surroundings)
    assert silence.value.source == "bureau"
    assert world.ID_NUMBER not in str(silence.value)


def test_an_income_is_proven_with_its_source(sandbox, surroundings):
    world.load(sandbox)

    found = income.proof(surroundings.outbound["income"], world.PERSON)

    assert (found.monthly_income, found.source, found.employment_months) == (
        Money.yuan("8000.00"),
        "tax",
        60,
    )


def test_an_income_that_nobody_proves_is_none(sandbox, surroundings):
    world.load(sandbox, monthly_income=None)

    assert income.proof(surroundings.outbound["income"], world.PERSON) is None


def test_entries_on_lists_are_told(sandbox, surroundings):
    world.load(sandbox, watchlist=[{"list": "court", "reason": "enforcement"}])

    found = watchlists.check(surroundings.outbound["watchlists"], world.PERSON)

    assert found.hits == (WatchlistHit(name="court", reason="enforcement"),)


@pytest.mark.parametrize("mode", MODES)
def test_silent_lists_let_nobody_through(sandbox, surroundings, mode):
    world.outage(sandbox, "watchlists", mode)

    with pytest.raises(SourceSilent):
        watchlists.check(surroundings.outbound["watchlists"], world.PERSON)
