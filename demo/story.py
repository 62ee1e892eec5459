"""The demo's days, told by the same verbs and jobs as the real thing, on a clock of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Final
from uuid import UUID

from sqlalchemy import select

from demo import debtors, mishaps, rings
from demo.crew import Crew, Hand
from demo.debtors import Applicant
from demo.people import Person
from demo.staff import Team
from demo.telephone import Telephone
from demo.town import Town
from disbursement import approvals, breaks, fetching, reconciliation, sending, signoff
from disbursement.records.breaks import BreakStatus, Resolution
from disbursement.records.payouts import LegStatus, PayoutLeg
from kernel import logs
from kernel.actors import Actor, Role
from kernel.clock import SetClock, business_day, shanghai
from kernel.db import transaction
from kernel.jobs import Job
from kernel.refusals import Refused
from kernel.surroundings import Surroundings
from origination import assessing, followers, front_jobs, referrals
from origination.records.referrals import HardshipReason, Locale
from origination.referral_forms import ReferralIn, Willingness

DAYS_AFTER_PAYOUT: Final = 2
"""Days reconciled after the last payout, so that late returns and lost payments end."""
QUERY_GAPS: Final = tuple(timedelta(minutes=m) for m in (4, 2, 3, 5, 9, 17, 33, 61))
NO_ANSWER_YET: Final = frozenset({LegStatus.SUBMITTED, LegStatus.ACCEPTED, LegStatus.UNKNOWN})

log = logs.logger(__name__)


@dataclass(slots=True, kw_only=True)
class Story:
    """Everything one telling of the demo works with and remembers."""

    surroundings: Surroundings
    clock: SetClock
    town: Town
    crew: Crew
    team: Team
    jobs: Sequence[Job]
    """Jobs of every floor; the composition root's list."""
    random: Random
    told: Callable[[str, int, int], None]
    """Called with the chapter, how much of it is done, and how much there is."""
    applicants: list[Applicant] = field(default_factory=list)
    unknown_at_first: set[str] = field(default_factory=set)
    """Order numbers whose first answer left it open whether the money went."""
    by_pages: Telephone | None = None
    """The telephone of the one debtor who uses the real pages."""
    referred: int = 0
    signed: int = 0
    days_signed: int = 0


def working_day(story: Story, people: Sequence[Person], *, first: int) -> None:
    """Refer, apply, assess, sign and pay for the people of one day."""
    refer(story, people)
    apply_all(story, people, first=first)
    assess_all(story, expected=len(people))
    signers = sign_all(story, _applicants_among(story, people))
    script_mishaps(story, signers)
    pay_all(story)


def _applicants_among(story: Story, people: Sequence[Person]) -> list[Applicant]:
    references = {person.reference for person in people}
    return [one for one in story.applicants if one.person.reference in references]


def refer(story: Story, people: Sequence[Person]) -> None:
    """Let the agency refer everybody, and invite them."""
    at = story.clock.now()
    of_agency = [(story.team.agency.id, person) for person in people]
    for done, created in enumerate(story.crew.each(_refer, of_agency, at=at), 1):
        story.referred += created
        story.told("referred", done, len(people))
    for job in (front_jobs.invite, front_jobs.send_messages):
        story.crew.all_hands(job, at=at)


def apply_all(story: Story, people: Sequence[Person], *, first: int) -> None:
    """Let everybody apply on his telephone."""
    numbered = [(first + position, person) for position, person in enumerate(people, 1)]
    if story.by_pages is None:
        numbered = _apply_by_pages(story, numbered)
    applying = story.crew.each(_apply, numbered, at=story.clock.now())
    for done, applicant in enumerate(applying, 1 + len(people) - len(numbered)):
        story.applicants.append(applicant)
        story.told("applied", done, len(people))
    # Whoever finished first, the story goes on in one order, so that it can be told again.
    story.applicants.sort(key=lambda one: one.person.reference)
    story.clock.advance(timedelta(seconds=len(people)))


def assess_all(story: Story, *, expected: int) -> None:
    """Assess whoever has submitted."""
    done = story.crew.all_hands(assessing.run, at=story.clock.now())
    story.told("assessed", done, expected)
    followers.run(story.surroundings)
    story.crew.all_hands(front_jobs.send_messages, at=story.clock.now())


def sign_all(story: Story, applicants: Sequence[Applicant]) -> list[Applicant]:
    """Let everybody with an offer read it for as long as the law wants, and sign it."""
    readers = [one for one in applicants if debtors.begin_reading(story.surroundings, one)]
    by_pages = [one for one in readers if _uses_pages(story, one)]
    if by_pages:
        assert story.by_pages is not None
        story.by_pages.begin_reading()
    story.clock.advance(timedelta(minutes=2))
    if by_pages:
        assert story.by_pages is not None
        story.by_pages.sign()
    others = [one for one in readers if one not in by_pages]
    signing = story.crew.each(_sign, others, at=story.clock.now())
    for done, _ in enumerate(signing, 1 + len(by_pages)):
        story.told("signed", done, len(readers))
    story.clock.advance(timedelta(seconds=len(readers)))
    story.signed += len(readers)
    return readers


def script_mishaps(story: Story, signers: Sequence[Applicant]) -> None:
    """Make some of the payments to come go wrong."""
    cards = [card for one in signers for card in one.person.cards]
    for mishap in mishaps.choose(cards, story.random):
        story.town.script(
            mishap.card.number, mishap.fault, return_after_days=mishap.return_after_days
        )


def pay_all(story: Story) -> None:
    """Approve, send, hear the notices, and ask about what is undecided."""
    _approve_all(story)
    total = _count_legs(LegStatus.APPROVED)
    sent = story.crew.all_hands(sending.send_due, at=story.clock.now())
    story.told("sent to the channel", sent, total)
    _remember_unknown(story)
    for gap in QUERY_GAPS:
        story.clock.advance(gap)
        story.town.deliver_notices()
        story.crew.all_hands(sending.query_due, at=story.clock.now())
        if not _count_legs(*NO_ANSWER_YET):
            break
    run_jobs(story)


def run_jobs(story: Story) -> None:
    """Run every job once, as the scheduler would; first those that several workers share."""
    for shared in (sending.check_due, front_jobs.send_messages):
        story.crew.all_hands(shared, at=story.clock.now())
    for job in story.jobs:
        job.run(story.surroundings)


def close_day(story: Story, day: date) -> None:
    """On the next morning: fetch the files, reconcile, explain what differs, sign the day."""
    story.clock.advance_to(shanghai(day + timedelta(days=1), 9, 5))
    story.crew.all_hands(sending.query_due, at=story.clock.now())
    fetching.fetch_day(story.surroundings, day)
    with transaction() as session:
        reconciliation.reconcile(session, day, by=story.team.maker, at=story.clock.now())
    run_jobs(story)
    _explain_and_resolve(story, day)
    _sign_day(story, day)


def first_morning(now: datetime, *, days: int) -> datetime:
    """Give the morning on which a story of so many days must begin to end before `now`."""
    return shanghai(business_day(now) - timedelta(days=days), 9, 30)


def _apply_by_pages(
    story: Story, numbered: Sequence[tuple[int, Person]]
) -> list[tuple[int, Person]]:
    """Let the first debtor with an income use the real pages, and give the others."""
    for number, person in numbered:
        if person.monthly_income is not None:
            site = story.surroundings.settings.public_url
            story.by_pages = Telephone(site, story.town, person)
            story.applicants.append(story.by_pages.apply(number=number))
            return [(n, other) for n, other in numbered if other is not person]
    return list(numbered)


def _uses_pages(story: Story, applicant: Applicant) -> bool:
    return story.by_pages is not None and story.by_pages.person is applicant.person


def _apply(hand: Hand, numbered: tuple[int, Person]) -> Applicant:
    number, person = numbered
    return debtors.apply(hand.surroundings, hand.town, person, number=number)


def _sign(hand: Hand, applicant: Applicant) -> bool:
    return debtors.sign(hand.surroundings, hand.town, applicant)


def _approve_all(story: Story) -> None:
    with transaction() as session:
        waiting = session.scalars(
            select(PayoutLeg.id).where(PayoutLeg.status == LegStatus.PLANNED)
        ).all()
    for leg_id in waiting:
        for approver in (story.team.maker, story.team.checker):
            with transaction() as session:
                leg = approvals.approve(session, leg_id, by=approver, at=story.clock.now())
                if leg.status is LegStatus.APPROVED:
                    break


def _remember_unknown(story: Story) -> None:
    with transaction() as session:
        story.unknown_at_first.update(
            session.scalars(select(PayoutLeg.order_no).where(PayoutLeg.status == LegStatus.UNKNOWN))
        )


def _count_legs(*statuses: LegStatus) -> int:
    with transaction() as session:
        return len(
            session.scalars(select(PayoutLeg.id).where(PayoutLeg.status.in_(statuses))).all()
        )


def _explain_and_resolve(story: Story, day: date) -> None:
    at = story.clock.now()
    with transaction() as session:
        found = breaks.listed(session, today=business_day(at), day=day)
    for one in found:
        with transaction() as session:
            if one.status is BreakStatus.OPEN:
                breaks.explain(
                    session, one.id, text="checked against the file", by=story.team.maker, at=at
                )
        with transaction() as session:
            breaks.resolve(
                session, one.id, resolution=Resolution.BOOKS_STAND, by=story.team.checker, at=at
            )


def _sign_day(story: Story, day: date) -> None:
    at = story.clock.now()
    try:
        with transaction() as session:
            signoff.prepare(session, day, by=story.team.maker, at=at)
        with transaction() as session:
            signoff.sign(session, day, by=story.team.checker, at=at)
        story.days_signed += 1
    except Refused as refusal:
        log.warning("demo.day_not_signed", day=str(day), why=refusal.title)


def _refer(hand: Hand, of_agency: tuple[UUID, Person]) -> bool:
    agency_id, person = of_agency
    at = hand.clock.now()
    with transaction() as session:
        return referrals.receive(
            session,
            agency_id,
            _referral(person, at=at),
            by=Actor(Role.AGENCY, str(agency_id)),
            at=at,
        ).created


def _referral(person: Person, *, at: datetime) -> ReferralIn:
    largest = max(person.cards, key=lambda card: card.balance)
    return ReferralIn(
        case_no=person.reference,
        mobile=person.mobile,
        masked_name=person.name.masked,
        card_bin=largest.number.plain[:6],
        card_last4=largest.number.last4,
        hardship_reason=HardshipReason.INCOME_CUT,
        hardship_since=None,
        willingness=Willingness(promises_made=2, promises_kept=1),
        contact_consent_at=at - timedelta(days=1),
        contact_consent_proof="recorded call, agreed to be contacted",
        locale=Locale.ZH,
        stated_balance=largest.balance,
        hardship_note=rings.words(Random(person.reference)),
    )
