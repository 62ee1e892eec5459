"""An application is assessed once: sources asked with nothing open, everything written at once."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from kernel import claims, db, moves
from kernel.actors import Actor, Role
from kernel.clock import business_day, shanghai
from kernel.events import Event
from kernel.money import Money
from kernel.sealing import Reveal
from origination import applicants, assessing, cards, closing, deciding, offers
from origination.records.applications import APPLICATION_MOVES, Application, ApplicationStatus
from tests.origination.apply import builders as make
from tests.origination.apply import world
from tests.origination.apply.builders import Person, by_debtor, later
from tests.origination.apply.world import waiting
from underwriting import policy
from underwriting.models.registry import NoServingModel
from underwriting.records.assessments import Assessment


@dataclass
class Ticking:
    """A clock on which time passes with every look."""

    at: datetime
    tick: timedelta

    def now(self) -> datetime:
        self.at += self.tick
        return self.at


def counted(kind) -> int:
    with db.transaction() as session:
        return session.scalar(select(func.count()).select_from(kind))


def kinds() -> list[str]:
    with db.transaction() as session:
        return list(
            session.scalars(
                select(Event.kind)
                .where(Event.kind.startswith("application.") | Event.kind.startswith("offer."))
                .order_by(Event.id)
            )
        )


def test_an_approval_becomes_an_offer_with_the_quotes_of_the_issuer(outside):
    application = waiting()

    done = assessing.run(outside)

    with db.transaction() as session:
        offer = offers.current(session, application)
        covered = offers.covered(session, offer)
    after = make.again(application.id)
    assert done == 1
    assert after.status is ApplicationStatus.OFFERED
    assert after.assessment_id == offer.assessment_id
    assert (after.claimed_by, after.failures) == (None, 0)
    # 9,000.00 at 0.05 % a day is 4.50 a day; five days of buffer.
    assert [(c.quoted, c.ceiling) for c in covered] == [
        (Money.yuan("9000.00"), Money.yuan("9022.50"))
    ]
    assert kinds() == ["application.submitted", "offer.made", "application.decided"]


def test_no_income_is_declined_with_the_reasons_kept(sandbox, outside):
    world.load(sandbox, Person(), monthly_income=None)
    application = waiting(household=make.budget(income="0.00"))

    assessing.run(outside)

    with db.transaction() as session:
        kept = session.scalars(select(Assessment)).one()
        held = [card.live for card in cards.listed(session, application)]
    assert make.again(application.id).status is ApplicationStatus.DECLINED
    assert "no_income" in kept.decision
    assert held == [False]
    assert kinds() == ["application.submitted", "application.closed", "application.decided"]


def test_a_person_without_a_bureau_file_is_looked_at_by_a_person(sandbox, outside):
    world.load(sandbox, Person(), figures=None)
    application = waiting()

    assessing.run(outside)

    assert make.again(application.id).status is ApplicationStatus.REVIEW


def test_a_silent_bureau_leaves_the_application_for_a_later_try(sandbox, outside):
    application = waiting()
    world.outage(sandbox, "bureau", "http_500")

    silent = assessing.run(outside)
    put_off = make.again(application.id)
    at_once = assessing.run(outside)
    world.outage(sandbox, "bureau", "off")
    outside.clock.advance(timedelta(seconds=assessing.RETRY_SECONDS))
    later_on = assessing.run(outside)

    assert (silent, at_once, later_on) == (0, 0, 1)
    assert (put_off.status, put_off.failures) == (ApplicationStatus.SUBMITTED, 1)
    assert put_off.claimed_until == later(seconds=assessing.RETRY_SECONDS)
    assert make.again(application.id).status is ApplicationStatus.OFFERED
    assert counted(Assessment) == 1


def test_a_bureau_that_stays_silent_has_the_application_parked_and_then_unparked(sandbox, outside):
    application = waiting()
    world.outage(sandbox, "bureau", "http_500")

    for _ in range(assessing.PARK_AFTER):
        assessing.run(outside)
        outside.clock.advance(timedelta(hours=3))
    parked = make.again(application.id)
    world.outage(sandbox, "bureau", "off")
    while_parked = assessing.run(outside)
    with db.transaction() as session:
        deciding.unpark(
            session,
            applicants.get(session, application.id),
            by=Actor(Role.OPERATOR, "ops"),
            at=outside.clock.now(),
        )
    afterwards = assessing.run(outside)

    assert (parked.status, parked.parked) == (ApplicationStatus.SUBMITTED, True)
    assert (while_parked, afterwards) == (0, 1)
    assert "application.parked" in kinds()


def test_nobody_but_staff_unparks(session):
    application = make.submitted(session)

    with pytest.raises(deciding.OnlyARiskOfficer):
        deciding.unpark(session, application, by=by_debtor(application), at=make.NOON)


def test_an_edition_of_the_policy_holds_from_its_midnight_on_in_the_middle_of_a_run(
    sandbox, outside
):
    # Every look at the clock is a minute and a half later: before midnight the first is asked
    # about, after it the second.
    world.load(sandbox, Person(2))
    waiting(), waiting(Person(2))
    edition = policy.load("2026-11").in_force
    clock = Ticking(shanghai(edition) - timedelta(minutes=10), timedelta(seconds=90))

    done = assessing.run(replace(outside, clock=clock))

    with db.transaction() as session:
        kept = session.scalars(select(Assessment).order_by(Assessment.decided_at)).all()
        found = [(business_day(each.as_of), each.policy_version) for each in kept]
    assert done == 2
    assert found == [(edition - timedelta(days=1), "2026-08"), (edition, "2026-11")]


def test_without_a_policy_in_force_every_application_goes_on_waiting(outside):
    application = waiting()
    clock = Ticking(shanghai(date(2026, 7, 31), 12), timedelta(0))

    with pytest.raises(policy.NoSuchPolicy):
        assessing.run(replace(outside, clock=clock))

    assert make.again(application.id).failures == 0


def test_one_application_that_fails_does_not_stop_the_others(sandbox, outside):
    first, second = waiting(), waiting(Person(2))
    with db.transaction() as session:
        broken = applicants.get(session, first.id)
        broken.essential_costs = None
    world.load(sandbox, Person(2))

    done = assessing.run(outside)

    assert done == 1
    assert make.again(first.id).status is ApplicationStatus.SUBMITTED
    assert make.again(second.id).status is ApplicationStatus.OFFERED


def test_a_worker_that_died_after_claiming_is_followed_by_another(outside):
    application = waiting()
    with db.transaction() as session:
        held = claims.claim(
            session,
            Application,
            worker="dead",
            now=outside.clock.now(),
            seconds=assessing.CLAIM_SECONDS,
            limit=1,
        )[0]
        moves.advance(
            session,
            held,
            ApplicationStatus.ASSESSING,
            table=APPLICATION_MOVES,
            by=assessing.BY,
            at=outside.clock.now(),
        )

    too_early = assessing.run(outside)
    outside.clock.advance(timedelta(seconds=assessing.CLAIM_SECONDS))
    resumed = assessing.run(outside)

    assert (too_early, resumed) == (0, 1)
    assert make.again(application.id).status is ApplicationStatus.OFFERED
    assert counted(Assessment) == 1


def test_two_workers_assess_an_application_once(outside):
    application = waiting()
    start, done = threading.Barrier(2), []

    def work():
        start.wait()
        done.append(assessing.run(outside))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(done) == [0, 1]
    assert counted(Assessment) == 1
    assert make.again(application.id).status is ApplicationStatus.OFFERED


def test_a_debtor_who_withdraws_while_the_sources_are_asked_is_not_decided_on(outside):
    application = waiting()
    work = assessing._claim(outside, worker="slow")
    prepared = assessing._prepare(outside, work, worker="slow")
    with db.transaction() as session:
        mine = applicants.get(session, application.id)
        closing.withdraw(session, mine, reason="asked", by=by_debtor(mine), at=make.NOON)

    gathered = assessing.gathering.gather(
        prepared.request, surroundings=outside, at=outside.clock.now()
    )
    assessed = assessing._decided(prepared, gathered)
    recorded = assessing._record(outside, prepared, assessed)

    assert recorded is False
    assert counted(Assessment) == 0
    assert make.again(application.id).status is ApplicationStatus.WITHDRAWN


def test_without_a_model_every_application_goes_on_waiting(sandbox, surroundings):
    surroundings.clock.advance_to(make.NOON)
    application = waiting()

    with pytest.raises(NoServingModel):
        assessing.run(surroundings)

    after = make.again(application.id)
    assert (after.status, after.claimed_by) == (ApplicationStatus.SUBMITTED, None)


def test_every_look_at_a_plain_value_leaves_a_row(outside):
    application = waiting()

    assessing.run(outside)

    with db.transaction() as session:
        looks = session.scalars(
            select(Reveal.kind).where(Reveal.purpose == "assess the application")
        ).all()
    assert sorted(looks) == ["card_number", "mobile", "national_id", "person_name"]
    assert make.again(application.id).status is ApplicationStatus.OFFERED


def test_a_card_of_no_known_bank_is_left_out_not_guessed(sandbox, outside):
    unknown = make.card_number("999988000000001")
    application = waiting(numbers=(Person().card(), unknown))

    assessing.run(outside)

    with db.transaction() as session:
        offer = offers.current(session, application)
        covered = offers.covered(session, offer)
    assert [c.issuer_code for c in covered] == ["CMB"]


def test_a_funder_whose_own_card_is_asked_about_steps_back_for_another(sandbox, outside):
    with db.transaction() as session:
        make.funders.add(
            session,
            code="cmb",
            name="招商银行",
            licence=make.LicenceType.BANK,
            issuer_code="CMB",
            at=later(days=-9),
        )
        make.products.publish(
            session,
            funder_code="cmb",
            months=(12,),
            principal_min=Money.yuan("1000.00"),
            principal_max=Money.yuan("200000.00"),
            at=make.NOON,
        )
    application = waiting()

    assessing.run(outside)

    with db.transaction() as session:
        offer = offers.current(session, application)
    assert offer.funder_code == "huaxin"
