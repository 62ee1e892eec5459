"""The queue of reviews: what waits for a person, how long, and whether answers come in time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from kernel.actors import Role
from kernel.clock import SHANGHAI
from kernel.db import transaction
from kernel.web import consoles, lists
from kernel.web.access import allow
from kernel.web.around import now, say
from kernel.web.consoles import People
from underwriting import pictures, review_queue
from underwriting.decisions import Outcome
from underwriting.pictures import Axis, Column, Form, Frame
from underwriting.plates import Cell, Head, Kind, Link, Plate, Tag
from underwriting.records.service import ReviewCause
from underwriting.review_queue import QUEUE_MAX, OpenReview
from underwriting.web import plate_files
from underwriting.web.words import WORDS

AGES: Final = (12, 24, 48, 72, 120)
"""Hours at which one part of the picture ends and the next begins."""

blueprint = Blueprint("reviews", __name__, url_prefix="/reviews")


@blueprint.get("")
@allow(Role.RISK_OFFICER)
def queue() -> ResponseReturnValue:
    """Show what waits: what is due first comes first."""
    with transaction() as session:
        waiting = review_queue.queue(session, at=now())
        standing = review_queue.standing(session, at=now())
        people = consoles.people(session)
    plates = [_queue(waiting, people), _ages(waiting)]
    if lists.wants_csv():
        return plate_files.asked(plates, stem="reviews")
    return render_template(
        "underwriting/reviews.html",
        section="reviews",
        plates=plates if waiting else [],
        standing=standing,
        is_cut=standing.open > len(waiting),
        most=QUEUE_MAX,
        days=review_queue.MEASURED_DAYS,
    )


def _queue(waiting: Sequence[OpenReview], people: People) -> Plate:
    return Plate(
        name="queue",
        title=say("待审核", "Waiting"),
        heads=(
            Head(say("申请", "Application")),
            Head(say("评估结论", "Assessed")),
            Head(say("缘由", "Why")),
            Head(say("等待小时", "Hours waited"), Kind.TEXT),
            Head(say("应答复时间", "Due")),
            Head(say("时限", "Time")),
            Head(say("待第二人确认", "Waits for a second officer")),
        ),
        rows=tuple(_row(each, people) for each in waiting),
    )


def _row(each: OpenReview, people: People) -> tuple[Cell, ...]:
    proposed = (
        None
        if each.proposed is None
        else f"{say(*WORDS[Outcome][each.proposed])} · {people.name(each.proposed_by)}"
    )
    return (
        Link(
            str(each.application_ref)[-12:],
            url_for("risk.assessments.assessment", assessment_id=each.assessment_id),
        ),
        say(*WORDS[Outcome][each.outcome]),
        say(*WORDS[ReviewCause][each.cause]),
        str(each.hours),
        None if each.due_at is None else f"{each.due_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}",
        _standing(each),
        proposed,
    )


def _standing(each: OpenReview) -> Cell:
    if each.is_overdue:
        return Tag(say("已超时", "Overdue"), "bad")
    if each.stands_out:
        return Tag(say("将到期", "Due soon"), "warning")
    if each.due_at is None:
        return say("未承诺", "None promised")
    return Tag(say("时限内", "In time"), "good")


def _ages(waiting: Sequence[OpenReview]) -> Plate:
    ends = (0, *AGES)
    rows = []
    for place, first in enumerate(ends):
        last = ends[place + 1] if place + 1 < len(ends) else None
        inside = [
            each for each in waiting if each.hours >= first and (last is None or each.hours < last)
        ]
        late = sum(each.is_overdue for each in inside)
        name = f"{first}–{last}" if last is not None else f"≥ {first}"
        rows.append((name, len(inside) - late, late))
    title = say("等待时间", "Time waited")
    return Plate(
        name="ages",
        title=title,
        summary=say("按小时分段。", "In hours."),
        picture=pictures.columns(
            Frame(
                name="ages-picture",
                title=title,
                description=say(f"{len(waiting)} 件。", f"{len(waiting)} reviews."),
                x=Axis(
                    label=say("小时", "Hours"),
                    low=-0.5,
                    high=len(rows) - 0.5,
                    words=tuple(row[0] for row in rows),
                ),
                y=Axis(
                    label=say("件", "Reviews"),
                    high=pictures.reach([float(row[1] + row[2]) for row in rows], least=4.0),
                    form=Form.COUNT,
                ),
            ),
            [
                Column(place - 0.35, place + 0.35, (float(row[1]), float(row[2])))
                for place, row in enumerate(rows)
            ],
            names=(say("时限内", "In time"), say("已超时", "Overdue")),
        ),
        heads=(
            Head(say("小时", "Hours")),
            Head(say("时限内", "In time"), Kind.COUNT),
            Head(say("已超时", "Overdue"), Kind.COUNT),
        ),
        rows=tuple(rows),
    )
