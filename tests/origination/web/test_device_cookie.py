"""A browser is known again by a random number of our own, and by nothing else."""

from __future__ import annotations

import re

from sqlalchemy import select

from kernel import db
from kernel.sealing import blind_index
from origination.devices import DeviceNumber
from origination.records.devices import ApplicationDevice
from tests.origination.web import phone as steps


def test_nobody_gets_a_number_before_he_signs_in(phone):
    phone.client.get("/")

    assert phone.client.get_cookie("device") is None


def test_whoever_submits_is_kept_by_the_hash_of_his_number(phone):
    steps.sign_in(phone)
    cookie = phone.client.get_cookie("device")
    steps.prove_identity(phone)
    steps.consent(phone)
    steps.fill_in(phone)
    phone.send()

    assert cookie is not None
    assert re.fullmatch("[0-9a-f]{32}", cookie.value)
    assert (cookie.http_only, cookie.same_site) == (True, "Lax")
    assert phone.client.get_cookie("device").value == cookie.value
    with db.transaction() as session:
        kept = session.scalars(select(ApplicationDevice.digest)).all()
    assert kept == [blind_index(DeviceNumber(cookie.value))]


def test_a_number_that_is_none_of_ours_is_replaced(phone):
    phone.client.set_cookie("device", "<script>")

    steps.sign_in(phone)

    assert re.fullmatch("[0-9a-f]{32}", phone.client.get_cookie("device").value)
