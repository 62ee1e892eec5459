"""A file is read row by row: the good rows are taken and each bad cell says how to mend it."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from kernel.clock import shanghai
from origination import agencies, intake, referral_forms
from origination.agencies import AgencySuspended
from origination.intake import Outcome
from origination.intake_files import FileUnreadable
from origination.records.referrals import HardshipReason, Locale, Referral
from origination.referral_forms import FIELDS, WILLINGNESS_FIELDS
from tests.conftest import TODAY
from tests.origination.front import builders as make
from tests.origination.front.sheets import CHINESE, HEADER, csv_file, csv_text, row, xlsx_file


def read(content, at=make.NOON):
    return intake.read(content, at=at)


def fault_of(**changes):
    found = read(csv_file(row(**changes)))
    assert found.rows == ()
    return found.faults


def unreadable(content):
    with pytest.raises(FileUnreadable) as refused:
        read(content)
    return refused.value.detail


def test_every_field_of_a_referral_has_a_column():
    assert set(intake.HEADERS) | {"willingness"} == set(FIELDS) | set(WILLINGNESS_FIELDS)


def test_a_csv_file_is_read_like_the_api_reads_json():
    found = read(csv_file(row()))

    [only] = found.rows
    assert found.faults == ()
    assert only.number == 2
    assert only.referral == referral_forms.parse(
        make.payload(mobile="13900000001", card_last4="0321")
    )


def test_chinese_column_names_and_words_are_read():
    content = csv_file(row(hardship_reason="失业", hardship_since="2026年8月1日"), header=CHINESE)

    [only] = read(content).rows

    assert only.referral.hardship_reason is HardshipReason.JOB_LOSS
    assert only.referral.hardship_since == date(2026, 8, 1)


def test_column_names_may_differ_in_case_blanks_width_and_order():
    header = [" Case_No ", "MOBILE", *CHINESE[2:]]
    shuffled = csv_text(list(reversed(row())), header=list(reversed(header)))

    assert len(read(shuffled.encode()).rows) == 1


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("2026-11-10 10:00", shanghai(date(2026, 11, 10), 10)),
        ("2026/11/10 9:05:30", shanghai(date(2026, 11, 10), 9, 5) + timedelta(seconds=30)),
        ("2026-11-10T10:00:00+08:00", shanghai(date(2026, 11, 10), 10)),
        ("2026-11-10T02:00:00Z", shanghai(date(2026, 11, 10), 10)),
        ("2026/11/10", shanghai(date(2026, 11, 10))),
        ("2026年11月10日", shanghai(date(2026, 11, 10))),
    ],
)
def test_a_time_without_an_offset_is_shanghais(written, read_as):
    [only] = read(csv_file(row(contact_consent_at=written))).rows

    assert only.referral.contact_consent_at == read_as


def test_an_xlsx_file_is_read_the_same_as_a_csv_file():
    typed = row(
        mobile=13900000001,
        card_bin=622155,
        hardship_since=date(2026, 8, 1),
        promises_made=3,
        promises_kept=2.0,
        contact_consent_at=datetime(2026, 11, 10, 10),  # noqa: DTZ001 - a cell has no zone
    )

    [from_xlsx] = read(xlsx_file(typed)).rows
    [from_csv] = read(csv_file(row())).rows

    assert from_xlsx.referral == from_csv.referral


def test_good_rows_are_taken_and_each_bad_cell_is_named():
    found = read(csv_file(row(1), row(2, card_bin="6221", card_last4="x"), row(3)))

    assert [good.number for good in found.rows] == [2, 4]
    assert [(f.row, f.column, f.value, f.remedy) for f in found.faults] == [
        (3, "D card_bin", "6***", "must be 6 to 8 digits"),
        (3, "E card_last4", "x", "must be 4 digits"),
    ]


def test_a_row_may_end_early_and_empty_columns_may_follow():
    text = csv_text(row(1), header=[*HEADER, "", ""]).replace("BC-R-77", "BC-R-77,,")

    assert len(read(text.encode()).rows) == 1
    short = read((csv_text(row(1)) + "\nBC-0002,13900000002").encode())
    assert len(short.rows) == 1
    assert {fault.remedy for fault in short.faults} >= {"is missing"}


def test_a_value_without_a_column_name_is_a_fault():
    [fault] = read((csv_text(row(1)) + ",surprise").encode()).faults

    assert (fault.row, fault.column) == (2, "L")
    assert "no column name" in fault.remedy


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda header: header[1:], "case_no (案号) is missing"),
        (lambda header: [*header, "mobile"], "column L repeats mobile"),
        (lambda header: [*header, "手机号"], "column L repeats mobile"),
        (lambda header: [*header, "national_id"], "column L has an unknown name"),
    ],
)
def test_a_header_that_is_not_ours_is_refused_whole(change, complaint):
    assert complaint in unreadable(csv_file(header=change(HEADER)))


def test_a_file_without_a_header_does_not_repeat_its_first_person():
    detail = unreadable("\n".join([",".join(row(1)), ",".join(row(2))]).encode())

    assert "unknown name" in detail
    assert "139" not in detail
    assert "张" not in detail


def test_a_case_or_a_card_that_stands_twice_is_taken_once():
    found = read(csv_file(row(1), row(1), row(2, case_no="BC-0003", mobile="13900000001")))

    assert [good.number for good in found.rows] == [2]
    assert [fault.remedy for fault in found.faults] == [
        "row 2 has the same case number: keep one",
        "row 2 has the same person and card: keep one",
    ]


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"contact_consent_proof": "11010519491231002X"}, "K contact_consent_proof"),
        ({"case_no": "6221559019000001"}, "A case_no"),
        ({"masked_name": "张小明"}, "C masked_name"),
        ({"promises_kept": "many"}, "I promises_kept"),
        ({"promises_kept": "9"}, "I promises_kept"),
        ({"promises_kept": ""}, "H promises_made"),
        ({"contact_consent_at": "2026-11-20 12:01"}, "J contact_consent_at"),
        ({"contact_consent_at": "yesterday"}, "J contact_consent_at"),
        ({"hardship_since": "2026-13-01"}, "G hardship_since"),
        ({"hardship_reason": "懒"}, "F hardship_reason"),
    ],
)
def test_a_fault_names_the_column_and_masks_the_value(change, column):
    [fault] = fault_of(**change)

    assert fault.column == column
    assert re.fullmatch(r".?\**", fault.value)


def receive(session, agency, content, at=make.NOON):
    found = read(content, at)
    return intake.receive(
        session,
        agency.id,
        found.rows,
        case_column=found.case_column,
        by=make.agency_actor(agency),
        at=at,
    )


def outcomes(received):
    return [outcome.outcome for outcome in received]


def test_the_same_file_again_creates_nothing(session):
    agency = make.agency(session)
    content = csv_file(row(1), row(2))

    assert outcomes(receive(session, agency, content)) == [Outcome.CREATED] * 2
    assert outcomes(receive(session, agency, content)) == [Outcome.EXISTING] * 2
    assert outcomes(receive(session, agency, xlsx_file(row(1), row(2)))) == [Outcome.EXISTING] * 2
    assert session.scalar(select(func.count()).select_from(Referral)) == 2


def test_a_row_that_is_refused_does_not_stop_the_others(session):
    agency = make.agency(session)
    receive(session, agency, csv_file(row(1)))

    received = receive(session, agency, csv_file(row(1, card_last4="9999"), row(2)))

    assert outcomes(received) == [Outcome.REFUSED, Outcome.CREATED]
    fault = received[0].fault
    assert (fault.row, fault.column, fault.value) == (2, "A case_no", "B******")
    assert "other content" in fault.remedy


def test_a_suspended_agency_gets_one_clear_answer(session):
    agency = make.agency(session)
    agencies.suspend(session, agency, reason="complaints", by=make.SETUP, at=make.NOON)

    with pytest.raises(AgencySuspended):
        receive(session, agency, csv_file(row(1)))


def test_rows_are_cut_into_what_one_transaction_takes():
    rows = read(csv_file(*[row(number) for number in range(1, 402)])).rows

    assert [len(chunk) for chunk in intake.chunks(rows)] == [200, 200, 1]


def test_the_language_may_be_given():
    header = [*HEADER, "语言"]

    [only] = read(csv_file([*row(), "英文"], header=header)).rows

    assert only.referral.locale is Locale.EN
    assert only.referral.hardship_since < TODAY
