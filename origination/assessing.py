"""The edge of assessment: claim, ask every source with nothing open, decide, and write it all at once.

What was gathered, the decision, the application's move and the offer are one transaction: a crash
before it leaves the application to the next worker, and nothing is decided twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from kernel import claims, logs
from kernel.actors import system
from kernel.claims import ClaimLost
from kernel.clock import business_day
from kernel.db import transaction
from kernel.surroundings import Surroundings
from origination import consents, deciding, dossier_requests, parking, sharing
from origination.deciding import Assessed
from origination.offering import QuotesExpired
from origination.records.applications import Application
from underwriting import assessments, exploration, gathering, policy, routing
from underwriting.graph import rings
from underwriting.inquiries import AssessmentRequest, Gathered
from underwriting.lots import Purpose
from underwriting.models import registry
from underwriting.obstacles import Cause, Obstacle
from underwriting.routing import Routed
from underwriting.sources.asking import SourceRefused, SourceSilent
from underwriting.watching import cases

ROUNDS_MAX: Final = 50
"""Applications one run takes before it lets others have the worker."""
CLAIM_SECONDS: Final = 900
"""Longer than every call about twelve cards may take together."""
RETRY_SECONDS: Final = 60
PARK_AFTER: Final = 8
"""A minute, two, four and so on: two hours of silence before a person looks."""
BY: Final = system("assessment")

log = logs.logger(__name__)


@dataclass(frozen=True, slots=True)
class _Work:
    """One claimed application and what is to be asked about it."""

    application_id: UUID
    request: AssessmentRequest
    routed: Routed
    worker: str
    is_first: bool
    """Whether nobody has assessed the application before."""


def run(surroundings: Surroundings) -> int:
    """Assess the applications that wait, one after another, and count the decisions.

    Each is decided by the policy in force at its own instant, so an edition begins at its midnight
    whatever runs then.

    Raises:
        NoServingModel: no model was published; every application goes on waiting.
        NoSuchPolicy: no policy is in force; every application goes on waiting.
    """
    _require_rules(surroundings)
    worker = f"assess-{uuid4().hex}"
    done = 0
    for _ in range(ROUNDS_MAX):
        taken = _claim(surroundings, worker=worker)
        if taken is None:
            break
        done += _assess(surroundings, taken, worker=worker)
    return done


def run_one(surroundings: Surroundings, application_id: UUID) -> bool:
    """Assess one waiting application at once; False when it does not wait or was put off."""
    _require_rules(surroundings)
    worker = f"assess-{uuid4().hex}"
    taken = _claim(surroundings, worker=worker, only=application_id)
    return taken is not None and _assess(surroundings, taken, worker=worker)


def _require_rules(surroundings: Surroundings) -> None:
    # Nothing is claimed when nobody could be scored or decided on.
    with transaction() as session:
        registry.serving(session)
    policy.in_force(business_day(surroundings.clock.now()))


def _claim(surroundings: Surroundings, *, worker: str, only: UUID | None = None) -> UUID | None:
    which = [] if only is None else [Application.id == only]
    with transaction() as session:
        claimed = claims.claim(
            session,
            Application,
            Application.status.in_(parking.WAITING),
            *which,
            worker=worker,
            now=surroundings.clock.now(),
            seconds=CLAIM_SECONDS,
            limit=1,
        )
        return claimed[0].id if claimed else None


def _assess(surroundings: Surroundings, application_id: UUID, *, worker: str) -> bool:
    """Assess one claimed application; whatever goes wrong with it does not stop the others."""
    try:
        work = _prepare(surroundings, application_id, worker=worker)
        if work is None:
            return False
        gathered = gathering.gather(
            work.request, surroundings=surroundings, at=surroundings.clock.now()
        )
        return _record(surroundings, work, _decided(work, gathered))
    except ClaimLost:
        return False
    except (SourceSilent, QuotesExpired) as fault:
        log.warning(
            "assessment.put_off", application_id=str(application_id), why=type(fault).__name__
        )
        _put_off(surroundings, application_id, fault, worker=worker, park_after=PARK_AFTER)
    except (SourceRefused, consents.ConsentMissing, dossier_requests.NoLender) as fault:
        # The same question again would get the same answer.
        log.warning("assessment.stuck", application_id=str(application_id), why=str(fault))
        _put_off(surroundings, application_id, fault, worker=worker, park_after=1)
    except Exception as fault:
        log.exception("assessment.failed", application_id=str(application_id))
        _put_off(surroundings, application_id, fault, worker=worker, park_after=PARK_AFTER)
    return False


def _prepare(surroundings: Surroundings, application_id: UUID, *, worker: str) -> _Work | None:
    at = surroundings.clock.now()
    with transaction() as session:
        application = claims.held(session, Application, application_id, worker=worker)
        if not deciding.begin(session, application, by=BY, at=at):
            claims.release(application)
            return None
        is_first = application.assessment_id is None
        request = dossier_requests.make(session, application, by=BY, at=at)
        request = _watched(session, request, at=at)
        routed = routing.choose(session, request.application_ref, at=at)
    return _Work(application_id, request, routed, worker, is_first)


def _decided(work: _Work, gathered: Gathered) -> Assessed:
    """Decide by the model that was chosen, or by the champion where a challenger fails at it."""
    try:
        return _decided_by(work.routed, gathered, is_first=work.is_first)
    except Exception as fault:
        champion = routing.fall_back(work.routed, fault)
        if champion is None:
            raise
        log.exception(
            "assessment.challenger_failed",
            application_id=str(work.application_id),
            model=work.routed.scorer.model_id,
        )
    return _decided_by(champion, gathered, is_first=work.is_first)


def _decided_by(routed: Routed, gathered: Gathered, *, is_first: bool) -> Assessed:
    rules = policy.in_force(business_day(gathered.dossier.as_of))
    decision = assessments.decide(gathered.dossier, rules, routed.scorer)
    decision = replace(decision, route=routed.route)
    if not is_first:
        # The lot falls once: asked again in a month with budget left, it would be another one.
        return Assessed(gathered=gathered, decision=decision)
    place = routing.place(decision.application_ref, Purpose.EXPLORATION)
    explored = exploration.explore(gathered.dossier, rules, routed.scorer, decision, place=place)
    return Assessed(gathered=gathered, decision=decision, explored=explored)


def _watched(session: Session, request: AssessmentRequest, *, at: datetime) -> AssessmentRequest:
    """Hand down what the application shares, and take the figures of its ring into the request.

    The groups for tests of fairness go past the request: no decision sees them.
    """
    assert request.case is not None, "every application was referred by an agency"
    group = sharing.group(request.person.national_id, at=at)
    cases.keep(session, request.application_ref, request.case, group, at=at)
    return rings.enter(session, request, at=at)


def _record(surroundings: Surroundings, work: _Work, assessed: Assessed) -> bool:
    with transaction() as session:
        application = claims.held(session, Application, work.application_id, worker=work.worker)
        claims.release(application)
        return deciding.settle(session, application, assessed, by=BY, at=surroundings.clock.now())


def _put_off(
    surroundings: Surroundings,
    application_id: UUID,
    fault: Exception,
    *,
    worker: str,
    park_after: int,
) -> None:
    at = surroundings.clock.now()
    try:
        with transaction() as session:
            application = claims.held(session, Application, application_id, worker=worker)
            is_parked = claims.fail(
                application, now=at, retry_seconds=RETRY_SECONDS, park_after=park_after
            )
            parked = _obstacle(fault) if is_parked else None
            deciding.put_off(session, application, parked=parked, by=BY, at=at)
    except ClaimLost:
        log.info("assessment.claim_lost", application_id=str(application_id))


def _obstacle(fault: Exception) -> Obstacle:
    match fault:
        case SourceSilent():
            return Obstacle(Cause.SOURCE_SILENT, fault.source)
        case SourceRefused():
            return Obstacle(Cause.SOURCE_REFUSED, fault.source)
        case consents.ConsentMissing():
            return Obstacle(Cause.CONSENT_MISSING)
        case dossier_requests.NoLender():
            return Obstacle(Cause.NO_LENDER)
        case QuotesExpired():
            return Obstacle(Cause.QUOTES_EXPIRED)
    return Obstacle(Cause.FAULT)
