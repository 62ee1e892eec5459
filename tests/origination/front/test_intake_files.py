"""Whatever a spreadsheet program or a stranger made of a file, it is read or refused."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from origination import intake, intake_files
from origination.intake_files import FileUnreadable
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


def test_numbers_written_as_text_keep_their_tabs_and_apostrophes_outside():
    [only] = read(csv_file(row(mobile="'13900000001", card_last4="\t0321\t"))).rows

    assert only.referral.mobile == make.MOBILE
    assert only.referral.card_last4 == "0321"


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

    # The reader itself would make room for everything up to that cell: it must not be reached.
    with pytest.raises(FileUnreadable):
        intake_files._checked_archive(content.getvalue())


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
