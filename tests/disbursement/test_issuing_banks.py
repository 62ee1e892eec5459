"""Recognising a card: a hint by its first digits, never a refusal."""

from __future__ import annotations

import pytest
from stdnum import luhn

from disbursement import issuing_banks
from disbursement.issuing_banks import Bin, CardKind
from kernel.personal import CardNumber


def number(start: str, length: int = 16) -> CardNumber:
    body = start.ljust(length - 1, "0")
    return CardNumber(body + luhn.calc_check_digit(body))


@pytest.mark.parametrize(
    ("card", "issuer_code", "kind"),
    [
        (number("622575"), "CMB", CardKind.CREDIT),
        (number("621483"), "CMB", CardKind.DEBIT),
        (number("370247", 15), "ICBC", CardKind.CREDIT),
        # The same first digits: a credit card of Nanjing with 16, a debit card of ICBC with 18.
        (number("622303", 16), "NJCB", CardKind.CREDIT),
        (number("622303", 18), "ICBC", CardKind.DEBIT),
    ],
)
def test_first_digits_and_length_tell_issuer_and_kind(card, issuer_code, kind):
    hint = issuing_banks.recognise(card)

    assert (hint.issuer_code, hint.kind) == (issuer_code, kind)
    assert not hint.needs_verification


@pytest.mark.parametrize("card", [number("999999"), number("622303", 17)])
def test_unknown_first_digits_need_verification_and_are_not_refused(card):
    hint = issuing_banks.recognise(card)

    assert hint.issuer_code is None
    assert hint.kind is CardKind.UNKNOWN
    assert hint.needs_verification


def test_a_wrong_check_digit_needs_verification_and_is_not_refused():
    right = number("622575").plain
    wrong = CardNumber(right[:-1] + str((int(right[-1]) + 1) % 10))

    hint = issuing_banks.recognise(wrong)

    assert hint.issuer_code == "CMB"
    assert hint.needs_verification


def test_the_longest_first_digits_win():
    short = Bin(digits="6224", length=16, issuer_code="ONE", kind=CardKind.CREDIT)
    long = Bin(digits="622498", length=16, issuer_code="TWO", kind=CardKind.DEBIT)

    found = issuing_banks.match("6224980000000000", [long, short])

    assert found is long


def test_no_first_digits_stand_twice_for_one_length():
    bins = [(b.digits, b.length) for b in issuing_banks._bins()]

    assert len(bins) == len(set(bins))


def test_every_bank_has_credit_cards_of_the_usual_length_and_two_names():
    for bank in issuing_banks.banks().values():
        assert issuing_banks.credit_bins(bank.code)
        assert bank.name
        assert bank.name_zh
    assert len(issuing_banks.codes()) == 20
