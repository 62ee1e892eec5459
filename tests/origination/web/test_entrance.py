"""The way in: the plain page, the invitation, and a person's no."""

from __future__ import annotations

import pytest

from kernel import db
from kernel.web import access, idempotency
from origination.records.referrals import Referral, ReferralStatus
from tests.origination.web import phone as steps


def referral() -> Referral:
    with db.transaction() as session:
        return session.query(Referral).one()


def test_every_page_says_who_may_use_it_and_no_api_view_lacks_its_key(app):
    assert access.undeclared(app) == []
    assert idempotency.unkeyed(app) == []


@pytest.mark.parametrize("path", ["/", "/help", "/resume", "/enter", "/declined"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_stranger_may_read_the_open_pages_in_both_languages(phone, path, language):
    phone.open(f"{path}?lang={language}")

    assert phone.status == 200
    assert "华信消费金融有限公司" in phone.text


def test_the_invitation_tells_who_referred_who_lends_and_that_nothing_is_charged(phone):
    phone.open(phone.invitation())

    assert "beichen 资产管理" in phone.text
    assert "华信消费金融有限公司" in phone.text
    assert "不收任何介绍费" in phone.text


def test_a_link_that_is_not_ours_is_told_in_one_sentence(phone):
    phone.open("/i/never-was")

    assert phone.status == 404
    assert "链接无效" in phone.text


@pytest.mark.parametrize("answer", ["not_me", "not_interested"])
def test_a_no_is_taken_and_the_link_is_over(phone, answer):
    path = phone.invitation()

    said = phone.open(path).send(answer=answer).path
    again = phone.open(path).status

    assert said == "/declined"
    assert again == 410
    assert referral().status is ReferralStatus.DECLINED


def test_opening_the_link_alone_changes_nothing(phone):
    phone.open(phone.invitation())

    assert referral().status is ReferralStatus.INVITED


def test_a_debtors_page_sends_a_stranger_to_where_he_can_come_back(phone):
    for path in ("/my", "/offer", "/contract.pdf", "/apply/check", "/consents", "/progress"):
        assert phone.open(path).path == "/resume", path


def test_no_address_of_the_debtors_pages_names_anybody(app):
    ours = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("debtor.")]

    named = {name for rule in ours for name in rule.arguments}

    assert named == {"token", "slug"}


def test_the_language_chosen_before_submitting_is_the_one_of_the_records(phone):
    steps.sign_in(phone)
    phone.open("/apply/consents/identity-check?lang=en")

    steps.agree(phone)

    assert phone.heading == "Whoareyou?"
