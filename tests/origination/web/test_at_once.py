"""Two clicks that are really under way at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from kernel import db
from origination import assessing
from origination.records.applications import Application
from origination.records.contracts import Contract
from tests.origination.web import phone as steps
from tests.origination.web.phone import Phone

CLICKS = 4


def at_once(phone: Phone, path: str, fields: dict[str, str]) -> set[tuple[int, str | None]]:
    """Send one form several times in the same moment, as from one browser."""
    cookies = {
        name: kept.value
        for name in ("session", "debtor")
        if (kept := phone.client.get_cookie(name)) is not None
    }

    def click(_: int) -> tuple[int, str | None]:
        client = phone.client.application.test_client()
        for name, value in cookies.items():
            client.set_cookie(name, value)
        answer = client.post(path, data=fields)
        return answer.status_code, answer.headers.get("Location")

    with ThreadPoolExecutor(CLICKS) as clicks:
        return set(clicks.map(click, range(CLICKS)))


def count(table: type) -> int:
    with db.transaction() as session:
        return session.query(table).count()


def test_a_code_entered_several_times_at_once_lets_in_each_time(phone):
    phone.open(phone.invitation()).send(answer="start")
    phone.send(mobile=phone.person.mobile.plain)

    answers = at_once(phone, "/code", {**phone.form("/code").fields, "code": phone.code()})

    assert answers == {(303, "/my")}
    assert count(Application) == 1


def test_a_contract_signed_several_times_at_once_is_one_contract(phone, outside):
    steps.submit(phone)
    assessing.run(outside)
    phone.open("/my")
    outside.clock.advance(timedelta(minutes=2))
    phone.open("/contract").send("/contract/code")
    fields = {**phone.form("/contract/sign").fields, "code": phone.code("签署")}

    answers = at_once(phone, "/contract/sign", fields)

    assert answers <= {(303, "/progress"), (303, "/my")}
    assert count(Contract) == 1


def test_an_application_handed_in_several_times_at_once_is_handed_in_once(phone):
    steps.to_check(phone)

    answers = at_once(phone, "/apply/check", phone.form().fields)

    assert answers == {(303, "/apply/waiting")}
