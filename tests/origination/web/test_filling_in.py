"""From the invitation to the submitted application, one question on each page."""

from __future__ import annotations

from tests.origination.web import phone as steps


def test_the_whole_way_to_the_answer_leads_through_every_step(phone):
    seen = [steps.sign_in(phone).path]
    seen.append(steps.prove_identity(phone).path)
    seen.append(steps.consent(phone).path)
    seen.append(steps.fill_in(phone).path)
    seen.append(phone.send().path)

    assert seen == [
        "/apply/consents/identity-check",
        "/apply/consents/bureau-query",
        "/apply/cards/add",
        "/apply/check",
        "/apply/waiting",
    ]
