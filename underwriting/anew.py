"""Assessing anew what waits for a person, as with data that were corrected or came late.

A person asks, and whoever keeps the applications has it done. What comes of it turns nothing round
by itself that an earlier assessment found (see `reversals`), and nobody asks without end.
"""

from __future__ import annotations

from datetime import date, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final

from sqlalchemy.orm import Session

from kernel import law
from kernel.actors import Actor, Role
from kernel.clock import business_day
from kernel.refusals import FieldFault, Refused
from underwriting import askings, review_queue, reviews
from underwriting.askings import Asking, BeingAssessedAnew
from underwriting.records.assessments import Assessment

FOLDER: Final = Path(__file__).parent
REASON_LENGTH_MAX: Final = 500


class AnewFaulty(Refused):
    """Whoever wants an application assessed anew says why."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "anew_faulty"
    title = "Say why the application is to be assessed anew"
    title_zh = "请写明重新评估的理由"


class NotBeforeAPerson(Refused):
    """The assessment does not wait for a person, or does no more."""

    status = HTTPStatus.CONFLICT
    code = "not_before_a_person"
    title = "This assessment does not wait for a person"
    title_zh = "该评估不在待人工审核状态"


class AskedTooOften(Refused):
    """The application was assessed anew as often as the house allows."""

    status = HTTPStatus.CONFLICT
    code = "asked_too_often"
    title = "This application was assessed anew as often as is allowed"
    title_zh = "该申请的重新评估次数已用完"


def ask(
    session: Session, assessment: Assessment, *, reason: str, by: Actor, at: datetime
) -> Asking:
    """Have an application whose assessment waits for a person assessed anew.

    Appends the fact `assessment.asked_anew`. No clock begins anew: the answer is due when it was.

    Raises:
        NoReviewer: the actor is no risk officer.
        AnewFaulty: no reason.
        BeingAssessedAnew: it was asked for before.
        NotBeforeAPerson: nobody waits for a person's word on it.
        AskedTooOften: the limit of the day is reached.
    """
    if by.role is not Role.RISK_OFFICER:
        raise reviews.NoReviewer()
    said = reason.strip()
    if not 0 < len(said) <= REASON_LENGTH_MAX:
        fault = FieldFault("/reason", f"must have 1 to {REASON_LENGTH_MAX} characters")
        raise AnewFaulty(faults=(fault,))
    # Whoever comes second waits here, and sees what the first one did.
    session.refresh(assessment, with_for_update=True)
    if askings.of(session, assessment) is not None:
        raise BeingAssessedAnew()
    if not review_queue.waits(session, assessment):
        raise NotBeforeAPerson()
    if not left(session, assessment, at=at):
        raise AskedTooOften()
    return askings.keep(session, assessment, reason=said, by=by, at=at)


def left(session: Session, assessment: Assessment, *, at: datetime) -> int:
    """Tell how often the application may still be assessed anew; a try that failed counts for none."""
    asked = askings.listed(session, assessment.application_ref)
    used = sum(each.failed is None for each in asked)
    return max(0, times_max(business_day(at)) - used)


def times_max(on: date) -> int:
    """Give how often one application may be assessed anew, by the rule of a day."""
    times: int = law.rule("anew", on=on, folder=FOLDER).values["times_max"]
    return times
