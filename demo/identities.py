"""Identities that belong to nobody: an unassigned region code and numbers made by counting."""

from __future__ import annotations

from random import Random
from typing import Final

from stdnum import luhn

from disbursement import issuing_banks
from kernel.personal import CardNumber, Mobile, NationalId, PersonName, check_digit

UNASSIGNED_REGION: Final = "9901"
SURNAMES: Final = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
GIVEN: Final = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华"
DEBIT_BIN: Final = "620058"
"""Of debit cards of ICBC."""
DEBIT_ISSUER: Final = "ICBC"
SCRIPTED_FAULT_MARK: Final = "9"
"""A card whose digits 7 and 10 are both this mark asks the sandbox for a fault."""


def name(random: Random) -> PersonName:
    """Make a name of two or three characters."""
    given = random.sample(GIVEN, random.choice((1, 2, 2)))
    return PersonName(random.choice(SURNAMES) + "".join(given))


def national_id(random: Random, *, number: int, age_years: int, year_now: int) -> NationalId:
    """Make an ID number of a region that does not exist, with a right check digit."""
    born = year_now - age_years
    month, day = random.randint(1, 12), random.randint(1, 28)
    region = f"{UNASSIGNED_REGION}{number // 1000 % 100:02d}"
    first_17 = f"{region}{born:04d}{month:02d}{day:02d}{number % 1000:03d}"
    return NationalId(first_17 + check_digit(first_17))


def mobile(number: int) -> Mobile:
    """Make a mobile number by counting."""
    return Mobile(f"1990{number % 10_000_000:07d}")


def card_number(random: Random, issuer_code: str) -> CardNumber:
    """Make a card number of an issuer: a real BIN, random digits and a right Luhn digit."""
    bin_ = random.choice(issuing_banks.credit_bins(issuer_code))
    while True:
        middle = "".join(random.choices("0123456789", k=15 - len(bin_)))
        body = bin_ + middle
        if not (body[6] == SCRIPTED_FAULT_MARK == body[9]):
            return CardNumber(body + luhn.calc_check_digit(body))


def debit_card_number(reference: str) -> CardNumber:
    """Make the debit card of a person: a real BIN of nineteen digits, the same for ever."""
    random = Random(reference)
    while True:
        body = DEBIT_BIN + "".join(random.choices("0123456789", k=18 - len(DEBIT_BIN)))
        if not (body[6] == SCRIPTED_FAULT_MARK == body[9]):
            return CardNumber(body + luhn.calc_check_digit(body))
