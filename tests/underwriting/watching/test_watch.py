"""One day's watch on a real database: what is planted rings, what is quiet does not."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from sqlalchemy import func, select

from demo import rings, simulator
from demo.simulator import Drift
from kernel.events import Event
from tests.underwriting.watching import town
from tests.underwriting.watching.town import DAY, NOW, key, ref
from underwriting.graph import rings as walked
from underwriting.graph import texts
from underwriting.graph.sights import LinkTable
from underwriting.records.watching import LoanMark, WatchReading
from underwriting.watched import Mark, Measure, Sex, Verdict
from underwriting.watching import counting_links, readings, watch
from underwriting.watching.watch import WatchedTooEarly


def watched(session, measure: Measure, *, day: date = DAY):
    found = watch.run(session, day=day, at=NOW)
    return {(each.subject, each.part): each for each in found if each.measure is measure}


def test_a_town_without_anybody_is_quiet(session):
    assert watch.run(session, day=DAY, at=NOW) == ()
    assert readings.latest_day(session) == DAY


def test_a_day_that_is_not_over_is_not_watched(session):
    with pytest.raises(WatchedTooEarly):
        watch.run(session, day=DAY + timedelta(days=1), at=NOW)

    assert readings.days(session) == ()


def test_a_ring_through_one_agency_is_found_and_rings_once(session):
    for number in range(1, 40):
        town.refer(session, number, DAY - timedelta(days=number % 25), key("device", f"d{number}"))
    for number in range(101, 106):
        town.refer(
            session, number, DAY - timedelta(days=1), key("device", "shared"), agency="south"
        )

    [ring] = watched(session, Measure.RING).values()
    again = watch.run(session, day=DAY, at=NOW)

    assert (ring.subject, ring.value, ring.verdict) == (str(ref(101)), 5, Verdict.ALARM)
    assert ring.detail == {"agencies": ["south"], "linked_by": ["device"]}
    assert ring in again
    facts = session.scalars(select(Event).where(Event.kind == "watch.alarm")).all()
    assert [fact.subject for fact in facts] == [ring.id]
    assert facts[0].body["subject"] == str(ref(101))
    assert readings.alarms(session, since=DAY) == (ring,)


def test_a_family_on_one_device_is_no_ring(session):
    for number in (1, 2):
        town.refer(session, number, DAY, key("device", "home"))

    assert watched(session, Measure.RING) == {}


def test_an_agency_with_shared_devices_rings_and_another_does_not(session):
    for number in range(60):
        device = f"d{number // 6}" if number < 30 else f"own{number}"
        agency = "south" if number < 30 else "north"
        town.refer(session, number, DAY, key("device", device), agency=agency)

    found = watched(session, Measure.SHARED_DEVICES)

    assert found["south", ""].verdict is Verdict.ALARM
    assert (found["south", ""].value, found["south", ""].detail["people"]) == (1, 30)
    assert found["north", ""].verdict is Verdict.QUIET


def test_drifted_figures_ring_by_name_and_the_others_stay_quiet(session):
    draw = np.random.default_rng(7)
    town.serve(session, since=DAY - timedelta(days=100))
    rows = []
    for number in range(1_000):
        is_now = number >= 600
        on = DAY - timedelta(days=(number % 29) + (0 if is_now else 35))
        score = draw.normal(-1.7 + (0.6 if is_now else 0.0), 0.5)
        figures = {
            "moved": round(draw.normal(1.0 if is_now else 0.0, 1.0), 3),
            "still": round(draw.normal(0.0, 1.0), 3) if number % 10 else None,
        }
        rows.append(town.decision(number, on, pd=1.0 / (1.0 + np.exp(-score)), figures=figures))
    town.decide(session, rows)

    found = {(each.measure, each.subject): each for each in watch.run(session, day=DAY, at=NOW)}

    assert found[Measure.SCORE_DRIFT, town.MODEL].verdict is Verdict.ALARM
    assert found[Measure.FIGURE_DRIFT, "moved"].verdict is Verdict.ALARM
    assert found[Measure.FIGURE_DRIFT, "still"].verdict is Verdict.QUIET
    assert found[Measure.FIGURE_DRIFT, "still"].cases == 400
    assert found[Measure.FIGURE_DRIFT, "still"].detail["reference"] == 600


def test_a_loan_is_marked_on_the_days_it_went_bad_and_only_once(session):
    # Due on 1 July and unpaid: 30 days late on the 31st, 90 days on 29 September.
    town.lend(session, 1, date(2026, 6, 1), overdue_since=date(2026, 7, 1))
    town.lend(session, 2, date(2026, 6, 1))

    watch.run(session, day=DAY - timedelta(days=1), at=NOW)
    watch.run(session, day=DAY, at=NOW)

    marks = session.execute(select(LoanMark.application_ref, LoanMark.mark, LoanMark.on)).all()
    assert sorted(marks, key=lambda mark: mark.on) == [
        (ref(1), Mark.LATE_30, date(2026, 7, 31)),
        (ref(1), Mark.LATE_90, date(2026, 9, 29)),
    ]


def test_a_matured_portfolio_that_went_worse_than_expected_rings_and_a_young_one_waits(session):
    began = date(2026, 1, 10)
    # Six months and three more are over on 10 October. 40 of 120 went bad, 15 % were expected.
    for number in range(120):
        late = date(2026, 4, 10) if number < 40 else None
        town.lend(session, number, began, overdue_since=late)
        town.refer(session, number, began, agency="south")
    for number in range(200, 330):
        town.lend(session, number, date(2026, 5, 10))
    numbers = (*range(120), *range(200, 330))
    town.decide(session, [town.decision(n, began - timedelta(days=1)) for n in numbers])

    found = watched(session, Measure.CALIBRATION)

    whole = found["all", ""]
    # 40 / 18; the bar is 1 + z x sqrt(120 x .15 x .85) / 18 with z of three subjects, 3.765.
    assert (whole.value, whole.cases) == (Decimal("2.222222"), 120)
    assert whole.bar == pytest.approx(Decimal("1.8181"), abs=Decimal("0.001"))
    assert {each.verdict for each in found.values()} == {Verdict.ALARM}
    assert set(found) == {("all", ""), ("south", "agency"), ("2026-01", "month")}
    curves = {
        (each.month, each.mark, each.months_on_book): each
        for each in readings.vintages(session, DAY)
    }
    # Ninety days after 10 April is 9 July: within the sixth month on book.
    assert curves["2026-01", Mark.LATE_90, 5].share == 0
    assert curves["2026-01", Mark.LATE_90, 6].share == Decimal("0.333333")
    assert ("2026-05", Mark.LATE_90, 9) not in curves
    assert curves["2026-05", Mark.LATE_90, 6].loans == 130


def test_groups_are_compared_and_nothing_personal_is_kept(session):
    for number in range(240):
        sex = Sex.MALE if number % 2 else Sex.FEMALE
        town.refer(session, number, DAY, sex=sex)
    # Two thirds of the men are declined, a sixth of the women.
    town.decide(
        session,
        [
            town.decision(
                n, DAY, limit=None if (n % 6 != 1 if n % 2 else n % 12 == 0) else "9000.00"
            )
            for n in range(240)
        ],
    )

    found = watched(session, Measure.FAIR_APPROVAL)

    # 40 of 120 men over 100 of 120 women.
    assert found["male", "sex"].value == Decimal("0.400000")
    assert found["male", "sex"].verdict is Verdict.ALARM
    assert found["female", "sex"].verdict is Verdict.QUIET
    assert found["25_34", "age"].verdict is Verdict.QUIET


def test_the_table_of_links_gives_the_same_figures_as_the_law_says(session):
    for number, device in ((1, "d1"), (2, "d1"), (3, "d2"), (4, "d2")):
        keys = [key("device", device)] + ([key("card", "c")] if number in (2, 3) else [])
        town.refer(session, number, DAY - timedelta(days=5 - number), *keys)
    town.lend(session, 2, DAY - timedelta(days=3))

    found = walked.figures(LinkTable(session), ref(4), as_of=town.at(DAY - timedelta(days=1)))

    assert (found["ring_size"], found["ring_agencies"], found["ring_age_days"]) == (4, 1, 3)
    assert (found["ring_device_shared"], found["ring_card_shared"]) == (1, 0)
    # The loan began the day before as_of and is not late: 0.75 / 6.
    assert found["ring_late_pct"] == Decimal("12.5000")
    early = walked.figures(LinkTable(session), ref(2), as_of=town.at(DAY - timedelta(days=3)))
    assert early["ring_size"] == 2


def test_twice_keeps_no_reading_twice(session):
    town.refer(session, 1, DAY)
    town.decide(session, [town.decision(1, DAY)])

    watch.run(session, day=DAY, at=NOW)
    before = session.scalar(select(func.count()).select_from(WatchReading))
    watch.run(session, day=DAY, at=NOW)

    assert before == session.scalar(select(func.count()).select_from(WatchReading)) > 0


def simulated(session, *, drift: Drift, ring: int) -> None:
    """Let people of the simulator apply before and now, and a ring among them."""
    town.serve(session, since=DAY - timedelta(days=120))
    for is_now, count, of in ((False, 500, simulator.QUIET), (True, 300, drift)):
        people = simulator.population(
            5, count, month=DAY, year_now=2026, first=1_000 if is_now else 1, drift=of
        )
        rows = []
        for number, person in enumerate(people, 1_000 if is_now else 1):
            income = float(person.monthly_income.as_yuan) if person.monthly_income else 8_000.0
            rows.append(
                town.decision(
                    number,
                    DAY - timedelta(days=number % 29 + (0 if is_now else 60)),
                    pd=simulator.bad_probability(person.figures, income),
                    figures={n: None if v is None else float(v) for n, v in person.figures.items()},
                )
            )
        town.decide(session, rows)
    traces = [
        *rings.honest(5, range(1_000, 1_100), agencies=["north", "south"]),
        *rings.planted(5, range(9_000, 9_000 + ring), agency="south"),
    ]
    for trace in traces:
        signed = texts.signature(trace.text, keyed=town.digest)
        assert signed is not None
        shared = [key("device", trace.device), *(key("card", card) for card in trace.cards)]
        bands = [key("text", band) for band in texts.bands(signed)]
        town.refer(session, trace.number, DAY, *shared, *bands, agency=trace.agency, text=signed)


def test_the_simulators_quiet_people_ring_nothing(session):
    simulated(session, drift=simulator.QUIET, ring=0)

    found = watch.run(session, day=DAY, at=NOW)

    assert {each.measure for each in found} >= {Measure.FIGURE_DRIFT, Measure.ALIKE_TEXTS}
    assert [each for each in found if each.verdict is Verdict.ALARM] == []


def test_the_simulators_drift_and_ring_are_found(session, monkeypatch):
    # So few that the texts are read in several queries.
    monkeypatch.setattr(counting_links, "REFS_MAX", 7)
    simulated(session, drift=Drift(stress=0.8), ring=9)

    found = watch.run(session, day=DAY, at=NOW)

    rang = {(each.measure, each.subject) for each in found if each.verdict is Verdict.ALARM}
    assert (Measure.SCORE_DRIFT, town.MODEL) in rang
    assert (Measure.FIGURE_DRIFT, "inquiries_12m") in rang
    assert (Measure.RING, str(ref(9_000))) in rang
    assert (Measure.ALIKE_TEXTS, "south") in rang
    [ring] = [each for each in found if each.measure is Measure.RING]
    assert (ring.value, ring.detail["linked_by"]) == (9, ["card", "device"])
    dossier = walked.figures(LinkTable(session), ref(9_008), as_of=NOW)
    assert (dossier["ring_text_people"], dossier["ring_card_shared"]) == (8, 1)
