"""A file is read row by row: the good rows are taken and each bad cell says how to mend it."""

from __future__ import annotations

import io
import re
import zipfile
from contextlib import suppress
from datetime import date, datetime, timedelta

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from kernel.clock import shanghai
from origination import agencies, intake, intake_files, referral_forms
from origination.agencies import AgencySuspended
from origination.intake import Outcome
from origination.intake_files import FileUnreadable
from origination.records.referrals import HardshipReason, Locale, Referral
from origination.referral_forms import FIELDS, WILLINGNESS_FIELDS
from tests.conftest import TODAY
from tests.origination.front import builders as make

HEADER = [
    "case_no",
    "mobile",
    "masked_name",
    "card_bin",
    "card_last4",
    "hardship_reason",
    "hardship_since",
    "promises_made",
    "promises_kept",
    "contact_consent_at",
    "contact_consent_proof",
]
CHINESE = [
    "案件编号",
    "手机号",
    "姓名（脱敏）",
    "卡BIN",
    "卡号后四位",
    "困难原因",
    "困难开始日期",
    "承诺次数",
    "履约次数",
    "同意联系时间",
    "同意联系凭证",
]


def row(number=1, **changes):
    values = {
        "case_no": f"BC-{number:04d}",
        "mobile": f"139{number:08d}",
        "masked_name": "张**",
        "card_bin": "622155",
        "card_last4": "0321",
        "hardship_reason": "job_loss",
        "hardship_since": "2026-08-01",
        "promises_made": "3",
        "promises_kept": "2",
        "contact_consent_at": "2026-11-10 10:00",
        "contact_consent_proof": "call record BC-R-77",
    } | changes
    return [values[name] for name in HEADER]


def csv_text(*rows, header=HEADER, delimiter=","):
    return "\n".join(delimiter.join(map(str, line)) for line in (header, *rows))


def csv_file(*rows, **options):
    return csv_text(*rows, **options).encode()


def xlsx_file(*rows, header=HEADER, more_sheets=()):
    book = openpyxl.Workbook()
    sheet = book.active
    for line in (header, *rows):
        sheet.append(line)
    for name, state, value in more_sheets:
        other = book.create_sheet(name)
        other.sheet_state = state
        other["A1"] = value
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


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


@pytest.mark.parametrize(
    "encoded",
    [
        lambda text: text.encode("utf-8"),
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("gb18030"),
        lambda text: text.encode("utf-16"),
        lambda text: text.replace("\n", "\r\n").encode("utf-8"),
        lambda text: text.replace(",", "\t").encode("utf-16"),
        lambda text: text.replace(",", ";").encode("gb18030"),
    ],
)
def test_the_encodings_and_separators_of_spreadsheet_programs_are_read(encoded):
    [only] = read(encoded(csv_text(row(), header=CHINESE))).rows

    assert only.referral.masked_name == "张**"
    assert only.referral.card_last4 == "0321"


def test_column_names_may_differ_in_case_blanks_width_and_order():
    header = [" Case_No ", "MOBILE", *CHINESE[2:]]
    shuffled = csv_text(list(reversed(row())), header=list(reversed(header)))

    assert len(read(shuffled.encode()).rows) == 1


def test_numbers_written_as_text_keep_their_tabs_and_apostrophes_outside():
    [only] = read(csv_file(row(mobile="'13900000001", card_last4="\t0321\t"))).rows

    assert only.referral.mobile == make.MOBILE
    assert only.referral.card_last4 == "0321"


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


@pytest.mark.parametrize("number", ["1.39E+10", "1.38e10", "6.22156E+15", "1,39E+10"])
def test_a_number_the_spreadsheet_rounded_is_a_fault_with_its_remedy(number):
    content = csv_text(row(), delimiter=";").replace("13900000001", number).encode()

    [fault] = read(content).faults

    assert fault.column == "B mobile"
    assert "format the column as Text" in fault.remedy


@pytest.mark.parametrize("number", [6221559019000001, 1.39e20, 1e15])
def test_a_number_with_more_digits_than_a_spreadsheet_keeps_is_a_fault(number):
    [fault] = read(xlsx_file(row(mobile=number))).faults

    assert "format the column as Text" in fault.remedy


def test_a_number_that_lost_its_leading_zero_is_a_fault():
    [fault] = read(xlsx_file(row(card_last4=321))).faults

    assert (fault.column, fault.remedy) == ("E card_last4", "must be 4 digits")


@pytest.mark.parametrize("formula", ["=1+1", "@SUM(A1)", "+CMD|'x'!A1", "-A1", '=""13900000001""'])
def test_a_formula_in_a_csv_cell_is_a_fault(formula):
    assert any("formula" in fault.remedy for fault in fault_of(contact_consent_proof=formula))


@pytest.mark.parametrize("harmless", ["+8613900000001", "+86 139-0000-0001"])
def test_a_number_with_a_plus_sign_is_no_formula(harmless):
    [only] = read(csv_file(row(mobile=harmless))).rows

    assert only.referral.mobile == make.MOBILE


def test_a_formula_in_an_xlsx_cell_is_a_fault_even_with_a_value_behind_it():
    found = read(xlsx_file(row(1), row(2, case_no='="BC-" & 2')))

    assert [good.number for good in found.rows] == [2]
    assert [(fault.row, fault.column) for fault in found.faults] == [(3, "A case_no")]
    assert "paste the value" in found.faults[0].remedy


def test_formulas_of_a_hidden_sheet_are_nobodys_fault():
    content = xlsx_file(row(), more_sheets=[("lists", "hidden", "=1+1")])

    assert len(read(content).rows) == 1


def test_two_sheets_with_data_are_refused_rather_than_one_lost():
    assert "more than one sheet" in unreadable(
        xlsx_file(row(), more_sheets=[("second", "visible", "case_no")])
    )


def test_blank_rows_are_passed_over_and_row_numbers_stay_those_of_the_program():
    blank = [""] * len(HEADER)

    for content in (csv_file(row(1), blank, row(2)), xlsx_file(row(1), blank, row(2))):
        assert [good.number for good in read(content).rows] == [2, 4]
    with_bare_lines = csv_text(row(1), row(2)).replace("\nBC-0002", "\n\n\nBC-0002")
    assert [good.number for good in read(with_bare_lines.encode()).rows] == [2, 5]


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


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n\n",
        b"\x00\x01\x02\xff\xfe" * 50,
        b"\xff\xfe\x00",
        b"%PDF-1.7\x00\x81",
        b"PK\x03\x04 not a zip",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
        b'case_no,mobile\n"never closed,1\n',
        b"a" * (intake_files.BYTES_MAX + 1),
        b"x," * 60 + b"\n",
    ],
)
def test_what_is_no_file_of_referrals_is_refused_with_a_remedy(content):
    assert unreadable(content)


def test_a_zip_that_is_no_workbook_is_refused():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("readme.txt", "hello")

    assert "no Excel workbook" in unreadable(content.getvalue())


def test_a_workbook_that_unpacks_to_too_much_is_refused_before_it_is_unpacked():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * (intake_files.UNPACKED_BYTES_MAX + 1))

    assert "unpacks to too much" in unreadable(content.getvalue())


@pytest.mark.parametrize("place", ["XFD2", "A1048576"])
def test_a_cell_far_outside_is_refused_before_room_is_made_for_it(place):
    book = openpyxl.load_workbook(io.BytesIO(xlsx_file(row())))
    book.active[place] = "x"
    content = io.BytesIO()
    book.save(content)

    assert unreadable(content.getvalue())


def test_a_workbook_with_a_document_type_is_refused():
    content = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(xlsx_file(row()))) as whole,
        zipfile.ZipFile(content, "w") as changed,
    ):
        for name in whole.namelist():
            part = whole.read(name)
            if name == "xl/workbook.xml":
                part = part.replace(b"<workbook", b"<!DOCTYPE x [<!ENTITY a 'b'>]><workbook", 1)
            changed.writestr(name, part)

    assert "damaged" in unreadable(content.getvalue())


def test_a_file_may_have_fifty_thousand_rows_and_not_one_more():
    rows = [row(number) for number in range(1, intake_files.ROWS_MAX + 1)]

    assert len(intake_files.read(csv_file(*rows))) == 1 + intake_files.ROWS_MAX
    assert "50,000" in unreadable(csv_file(*rows, row(99_999)))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([b"", b"case_no,mobile\n", b"PK\x03\x04"]))
def test_any_bytes_are_read_or_refused(body, start):
    with suppress(FileUnreadable):
        intake.read(start + body, at=make.NOON)


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
