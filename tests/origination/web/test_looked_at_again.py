"""Whoever waits longer is told the truth: that it takes longer, or that a person looks at it."""

from __future__ import annotations

from kernel import db
from kernel.actors import Actor, Role
from origination import assessing, deciding
from origination.records.applications import Application
from tests.origination.apply import world
from tests.origination.web import phone as steps

RISK = Actor(Role.RISK_OFFICER, "zhou")


def test_a_debtor_whose_application_is_assessed_anew_is_still_before_a_person(
    phone, outside, sandbox
):
    world.load(sandbox, figures=None)
    steps.submit(phone)
    assessing.run(outside)
    in_review = phone.open("/my").heading
    with db.transaction() as session:
        application = session.query(Application).one()
        deciding.look_again(
            session, application, reason="the file came", by=RISK, at=outside.clock.now()
        )

    phone.open("/my")

    assert phone.path == "/apply/waiting"
    assert phone.heading == in_review == "您的申请正由工作人员审核"
    assert "Refresh" not in phone.client.get("/apply/waiting").headers


def test_a_debtor_whose_sources_are_silent_is_told_that_it_takes_longer(phone, outside, sandbox):
    steps.submit(phone)
    before = phone.open("/my").text
    world.outage(sandbox, "bureau", "http_500")
    assessing.run(outside)
    once = phone.open("/my").text
    with db.transaction() as session:
        session.query(Application).one().parked = True

    parked = phone.client.get("/apply/waiting")

    assert "通常几分钟内完成" in before
    assert "所以比平时慢" in once
    assert "通常几分钟内完成" not in once
    assert "所以比平时慢" in parked.text
    assert "Refresh" not in parked.headers
