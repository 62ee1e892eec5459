"""The site with the debtor's pages, and somebody who was invited."""

from __future__ import annotations

import pytest

from kernel import db
from kernel.web.application import make_app
from kernel.web.around import Doors
from origination import front_jobs, invitations
from origination.web import debtor_pages
from tests.origination.apply import builders as make
from tests.origination.apply import world
from tests.origination.front import builders as front
from tests.origination.web.phone import Phone


@pytest.fixture
def outside(sandbox, surroundings):
    """The sandbox with one person, a lender and a model; the clock stands at noon."""
    surroundings.clock.advance_to(make.NOON)
    world.open_for_business()
    world.load(sandbox)
    return surroundings


@pytest.fixture
def app(outside):
    """The site."""
    made = make_app(outside, Doors(debtor_entry=debtor_pages.ENTRY))
    made.register_blueprint(debtor_pages.blueprint)
    return made


@pytest.fixture
def phone(app, sandbox, outside):
    """The telephone of somebody who was invited and has done nothing yet."""
    person = make.Person()
    with db.transaction() as session:
        made = front.referral(
            session,
            front.agency(session),
            mobile=person.mobile.plain,
            card_bin=person.card().plain[:6],
            card_last4=person.card().last4,
            at=make.NOON,
        )
        invitations.invite(session, made, public_url=make.PUBLIC_URL, by=make.SYSTEM, at=make.NOON)
    front_jobs.send_messages(outside)
    return Phone(app, sandbox, person)
