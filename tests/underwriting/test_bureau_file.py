from __future__ import annotations

from datetime import timedelta

import pytest

from tests.underwriting import builders as make
from underwriting import bureau_file, canonical, dossier
from underwriting.bureau_file import Account, AccountKind, BureauFile, Inquiry, OrganisationKind

INQUIRY = Inquiry(at=make.AT, kind=OrganisationKind.CASH_LOAN, organisation="L001")
ACCOUNT = Account(
    opened_at=make.AT - timedelta(days=400),
    kind=AccountKind.CARD,
    limit=make.yuan("20000.00"),
    reported_at=make.AT - timedelta(days=20),
    balance=make.yuan("18000.00"),
    late_months=2,
    closed_at=None,
)
REPAYMENT = bureau_file.Repayment(
    due_at=make.AT - timedelta(days=30),
    due=make.yuan("1000.00"),
    paid_at=make.AT - timedelta(days=25),
    paid=make.yuan("1000.00"),
)
FULL = BureauFile(inquiries=(INQUIRY,), accounts=(ACCOUNT,), repayments=(REPAYMENT,))


@pytest.mark.parametrize("told", [FULL, BureauFile(inquiries=()), BureauFile(accounts=(ACCOUNT,))])
def test_a_dossier_with_a_file_survives_its_spelling(told):
    spelled = make.dossier(bureau_file=told).to_bytes()

    again = dossier.from_bytes(spelled)

    assert again.bureau_file == told
    assert again.to_bytes() == spelled
    assert canonical.load(spelled)["format"] == 2


def test_a_dossier_without_a_file_has_the_bytes_it_always_had():
    document = canonical.load(make.dossier().to_bytes())

    assert document["format"] == 1
    assert "bureau_file" not in document


def test_a_list_that_was_not_told_differs_from_an_empty_one():
    untold, empty = BureauFile(accounts=()), BureauFile(accounts=(), inquiries=())

    assert make.dossier(bureau_file=untold).to_bytes() != make.dossier(bureau_file=empty).to_bytes()


def test_a_kind_that_is_not_known_here_is_another():
    plain = {"inquiries": [{**FULL.plain()["inquiries"][0], "kind": "moneylender_of_mars"}]}

    found = bureau_file.read(plain)

    assert found.inquiries[0].kind is OrganisationKind.OTHER
    assert OrganisationKind.OTHER not in bureau_file.LENDERS


@pytest.mark.parametrize(
    "change",
    [
        {"bureau_file": None},
        {"bureau_file": {}},
        {"bureau_file": {"inquiries": None}},
        {"bureau_file": {"inquiries": [{}]}},
        {"bureau_file": {"inquiries": "many"}},
        {"bureau_file": {"inquiries": [["at"]]}},
        {"bureau_file": {"accounts": [{"kind": 1}]}},
        {"format": [2]},
    ],
)
def test_a_file_that_is_misspelled_is_refused(change):
    document = {**canonical.load(make.dossier(bureau_file=FULL).to_bytes()), **change}

    with pytest.raises(canonical.Unreadable):
        dossier.from_bytes(canonical.dump(document))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("at", "2026-11-20T10:00:00"),
        ("organisation", ""),
        ("organisation", "x" * 41),
        ("kind", None),
    ],
)
def test_an_inquiry_that_is_misspelled_is_refused(key, value):
    plain = {**FULL.plain()["inquiries"][0], key: value}

    with pytest.raises(ValueError):
        bureau_file.read({"inquiries": [plain]})


def test_a_list_longer_than_anybodys_is_refused():
    plain = FULL.plain()["inquiries"] * (bureau_file.INQUIRIES_MAX + 1)

    with pytest.raises(ValueError):
        bureau_file.read({"inquiries": plain})


def test_the_longest_file_fits_into_a_dossier():
    longest = BureauFile(
        inquiries=(INQUIRY,) * bureau_file.INQUIRIES_MAX,
        accounts=(ACCOUNT,) * bureau_file.ACCOUNTS_MAX,
        repayments=(REPAYMENT,) * bureau_file.REPAYMENTS_MAX,
    )

    assert len(make.dossier(bureau_file=longest).to_bytes()) < canonical.TEXT_BYTES_MAX // 2
