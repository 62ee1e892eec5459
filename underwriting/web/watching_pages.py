"""Pages of the watch: what rang, and every figure of a day with its interval, bar and course."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from kernel.actors import Role
from kernel.clock import business_day
from kernel.db import transaction
from kernel.web import lists
from kernel.web.access import allow
from kernel.web.around import now, say
from underwriting.plates import Plate
from underwriting.watched import Mark, Measure, Verdict
from underwriting.watching import readings
from underwriting.watching.readings import ReadingView
from underwriting.web import plate_files, watching_plates
from underwriting.web.watching_manners import SHARES_OF_ERRORS, TOPICS, Topic
from underwriting.web.watching_plates import Telling
from underwriting.web.words import GROUPS, WORDS, feature

ALARM_DAYS: Final = 90
COURSE_DAYS: Final = 90

TITLES: Final[Mapping[Topic, tuple[str, str]]] = {
    Topic.DRIFT: ("漂移", "Drift"),
    Topic.MATURED: ("校准与区分", "Calibration"),
    Topic.VINTAGES: ("账龄", "Vintages"),
    Topic.AGENCIES: ("机构", "Agencies"),
    Topic.COLLUSION: ("串通迹象", "Collusion"),
    Topic.FAIRNESS: ("公平性", "Fairness"),
}

blueprint = Blueprint("watching", __name__, url_prefix="/watching")


@blueprint.get("")
@allow(Role.RISK_OFFICER)
def overview() -> ResponseReturnValue:
    """Show what rang lately, and how the newest day stands."""
    since = business_day(now()) - timedelta(days=ALARM_DAYS)
    with transaction() as session:
        day = readings.latest_day(session)
        rang = readings.alarms(session, since=since)
        found = () if day is None else readings.of_day(session, day)
    plate = watching_plates.alarms(rang, _telling())
    if lists.wants_csv():
        return plate_files.asked([plate], stem="watching")
    return render_template(
        "underwriting/watching.html",
        section="watching",
        day=day,
        today=business_day(now()),
        topics=TITLES,
        counts={topic: _counts(found, measures) for topic, measures in TOPICS.items()},
        plates=[plate],
        topic=None,
    )


@blueprint.get("/<any(drift, matured, vintages, agencies, collusion, fairness):name>")
@allow(Role.RISK_OFFICER)
def topic(name: str) -> ResponseReturnValue:
    """Show one topic on one day, the newest when none is named."""
    wanted, filters = Topic(name), lists.Filters()
    mark = filters.one_of("mark", Mark) or Mark.LATE_90
    with transaction() as session:
        newest = readings.latest_day(session)
        day = filters.day("day") or newest
        plates = [] if day is None else _plates(session, wanted, day, mark)
    if lists.wants_csv():
        return plate_files.asked(plates, stem=f"watching-{day}-{wanted}")
    page = render_template(
        "underwriting/watching_topic.html",
        section="watching",
        topic=wanted,
        topics=TITLES,
        day=day,
        newest=newest,
        mark=mark if wanted is Topic.VINTAGES else None,
        marks=Mark,
        plates=plates,
        filters=filters.filled(),
    )
    return page, filters.status


@blueprint.get("/course")
@allow(Role.RISK_OFFICER)
def course() -> ResponseReturnValue:
    """Show one figure's readings of the last days."""
    filters = lists.Filters()
    measure = filters.one_of("measure", Measure)
    subject, part = filters.text("subject") or "", filters.text("part") or ""
    found: tuple[ReadingView, ...] = ()
    if measure is not None:
        with transaction() as session:
            found = readings.history(session, measure, subject, part=part, limit=COURSE_DAYS)
    plates = [watching_plates.course(found, _telling())] if found else []
    if lists.wants_csv():
        return plate_files.asked(plates, stem="watching")
    page = render_template(
        "underwriting/watching_course.html",
        section="watching",
        topics=TITLES,
        topic=_topic_of(measure),
        plates=plates,
    )
    return page, filters.status


def _plates(session: Session, wanted: Topic, day: date, mark: Mark) -> list[Plate]:
    if wanted is Topic.VINTAGES:
        return [watching_plates.vintages(readings.vintages(session, day), mark, say)]
    measures = TOPICS[wanted]
    found = readings.of_day(session, day, measures=measures)
    plates = []
    for measure in measures:
        mine = [each for each in found if each.measure is measure]
        shares = [each for each in mine if measure is Measure.FAIR_ERROR and "/" in each.part]
        rest = [each for each in mine if each not in shares]
        plates.append(watching_plates.of_measure(measure, rest, _telling()))
        if measure is Measure.FAIR_ERROR:
            plates.append(
                watching_plates.of_measure(measure, shares, _telling(), manner=SHARES_OF_ERRORS)
            )
    return plates


def _telling() -> Telling:
    return Telling(
        say=say,
        subject=_subject,
        verdict=lambda verdict: say(*WORDS[Verdict][verdict]),
        course=lambda each: url_for(
            ".course", measure=each.measure.value, subject=each.subject, part=each.part or None
        ),
    )


def _subject(each: ReadingView) -> str:
    """Name what a reading is of: a figure, a group, a month, or what it is called by itself."""
    match each.measure:
        case Measure.FIGURE_DRIFT:
            return feature(each.subject)
        case Measure.RING:
            return each.subject[-12:]
        case Measure.CALIBRATION:
            return say("合计", "All") if each.subject == "all" else each.subject
        case Measure.FAIR_APPROVAL | Measure.FAIR_LIMIT | Measure.FAIR_ERROR:
            kind, _, error = each.part.partition("/")
            words = [say(*GROUPS.get(each.subject, (each.subject, each.subject)))]
            words += [say(*GROUPS[error])] if error in GROUPS else []
            return " · ".join(words) if kind else words[0]
        case _:
            return f"{each.subject} {each.part}".strip()


def _counts(found: Sequence[ReadingView], measures: Sequence[Measure]) -> dict[Verdict, int]:
    mine = [each for each in found if each.measure in measures]
    return {verdict: sum(each.verdict is verdict for each in mine) for verdict in Verdict}


def _topic_of(measure: Measure | None) -> Topic | None:
    return next((topic for topic, measures in TOPICS.items() if measure in measures), None)
