"""A referral's form is checked whole, with a remedy at every place."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kernel.clock import shanghai
from origination import referral_forms
from origination.records.referrals import HardshipReason, Locale
from origination.referral_forms import ReferralFaulty
from tests.conftest import TODAY
from tests.origination.front import builders as make


def faults(**changes):
    with pytest.raises(ReferralFaulty) as refused:
        referral_forms.parse(make.payload(**changes))
    return {fault.pointer: fault.detail for fault in refused.value.faults}


def test_a_whole_referral_is_read():
    form = referral_forms.parse(make.payload())

    assert form.case_no == "BC-0001"
    assert form.mobile == make.MOBILE
    assert form.hardship_reason is HardshipReason.JOB_LOSS
    assert form.willingness.promises_kept == 2
    assert form.contact_consent_at == shanghai(TODAY, 10) - timedelta(days=10)
    assert form.locale is Locale.ZH


def test_every_missing_field_is_named_at_once():
    with pytest.raises(ReferralFaulty) as refused:
        referral_forms.parse({})

    assert {fault.pointer for fault in refused.value.faults} == {
        f"/{name}" for name in referral_forms.FIELDS if name not in referral_forms.OPTIONAL
    }


@pytest.mark.parametrize("payload", [None, [], "text", 3])
def test_anything_but_an_object_is_refused(payload):
    with pytest.raises(ReferralFaulty):
        referral_forms.parse(payload)


@pytest.mark.parametrize(
    ("field", "value", "pointer"),
    [
        ("case_no", "a/b", "/case_no"),
        ("case_no", "..", "/case_no"),
        ("case_no", "A" * 41, "/case_no"),
        ("case_no", "A\x00B", "/case_no"),
        ("case_no", "A\ud800", "/case_no"),
        ("case_no", 17, "/case_no"),
        ("mobile", "1390000000", "/mobile"),
        ("mobile", 13900000001, "/mobile"),
        ("masked_name", "张小明", "/masked_name"),
        ("masked_name", "张小*", "/masked_name"),
        ("card_bin", "62215", "/card_bin"),
        ("card_last4", "43a1", "/card_last4"),
        ("card_last4", "４３２", "/card_last4"),
        ("hardship_reason", "laziness", "/hardship_reason"),
        ("hardship_note", "困" * 501, "/hardship_note"),
        ("hardship_note", "请拨打 13912345678", "/hardship_note"),
        ("hardship_note", ["失业"], "/hardship_note"),
        ("stated_balance", "-1.00", "/stated_balance"),
        ("stated_balance", "12k", "/stated_balance"),
        ("stated_balance", 12000, "/stated_balance"),
        ("collector_no", "王 明", "/collector_no"),
        ("hardship_since", "2026-02-30", "/hardship_since"),
        ("hardship_since", "20260801", "/hardship_since"),
        ("contact_consent_at", "2026-11-19", "/contact_consent_at"),
        ("contact_consent_at", "2026-11-19T10:00:00", "/contact_consent_at"),
        ("contact_consent_at", "0001-01-01T00:00:00+14:00", "/contact_consent_at"),
        ("contact_consent_proof", "x" * 201, "/contact_consent_proof"),
        ("locale", "fr", "/locale"),
        ("willingness", [], "/willingness"),
        ("willingness", {}, "/willingness"),
        ("willingness", {"promises_made": 3}, "/willingness"),
        ("willingness", {"promises_made": 1, "promises_kept": 2}, "/willingness/promises_kept"),
        ("willingness", {"promises_made": True}, "/willingness/promises_made"),
        ("willingness", {"promises_made": -1}, "/willingness/promises_made"),
        ("willingness", {"promises_made": 1000}, "/willingness/promises_made"),
        ("willingness", {"promises_made": 1.5}, "/willingness/promises_made"),
        ("willingness", {"charm": 1}, "/willingness/charm"),
        ("name", "张小明", "/name"),
        ("national_id", None, "/national_id"),
    ],
)
def test_a_wrong_value_is_named_at_its_place(field, value, pointer):
    assert list(faults(**{field: value})) == [pointer]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("case_no", "11010519491231002X"),
        ("case_no", "6221559019000001"),
        ("contact_consent_proof", "ID 11010519491231002X"),
        ("contact_consent_proof", "mail me@example.com"),
        ("card_bin", "6221559019000001"),
        ("masked_name", "张** 13900000001"),
    ],
)
def test_data_an_agency_must_not_send_are_refused_in_every_field(field, value):
    found = faults(**{field: value})

    assert "looks like" in found[f"/{field}"]
    assert value not in str(found)


def test_an_unknown_field_whose_name_is_an_id_number_is_not_repeated():
    found = faults(**{"11010519491231002X": "1"})

    assert set(found) == {""}
    assert "1101" not in str(found)


@pytest.mark.parametrize("name", ["张**", "张某某", "张＊＊", "欧阳**", "L***", "Z**** X****"])
def test_the_usual_ways_to_mask_a_name_are_read(name):
    form = referral_forms.parse(make.payload(masked_name=name))

    assert "*" in form.masked_name
    assert "某" not in form.masked_name


def test_what_lies_in_the_future_is_a_fault():
    form = referral_forms.parse(
        make.payload(
            contact_consent_at="2026-11-20T12:00:01+08:00",
            hardship_since="2026-11-21",
        )
    )

    found = referral_forms.time_faults(form, at=make.NOON)

    assert [fault.pointer for fault in found] == ["/contact_consent_at", "/hardship_since"]
    assert referral_forms.time_faults(form, at=make.NOON + timedelta(days=1)) == ()


def test_the_same_instant_in_another_zone_is_the_same_content():
    there = referral_forms.parse(make.payload(contact_consent_at="2026-11-19T02:00:00Z"))
    here = referral_forms.parse(make.payload(contact_consent_at="2026-11-19T10:00:00+08:00"))

    assert there.canonical() == here.canonical()
