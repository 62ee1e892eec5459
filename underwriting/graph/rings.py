"""Rings: keep what an application shares, and give the figures of what it is linked to."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from kernel.clock import business_day
from underwriting.graph import figures as ring_figures
from underwriting.graph import linking, sights, walk
from underwriting.graph.sights import LinkTable
from underwriting.graph.walk import Store
from underwriting.inquiries import AssessmentRequest


def figures(store: Store, application_ref: UUID, *, as_of: datetime) -> dict[str, Decimal]:
    """Give the ring's figures of an application, from what was seen strictly before `as_of`."""
    rules = linking.in_force(business_day(as_of))
    around = walk.around(store, application_ref, as_of=as_of, linking=rules)
    return ring_figures.of(around, rules)


def enter(session: Session, request: AssessmentRequest, *, at: datetime) -> AssessmentRequest:
    """Keep an application's links and give the request back with the figures of its ring.

    A request without links stays as it is: nobody was asked, so nothing is known.
    """
    if not request.links:
        return request
    sights.note(session, request.application_ref, request.links, at=at)
    found = figures(LinkTable(session), request.application_ref, as_of=at)
    return replace(request, ring=found)
