"""Personal data as types: checked when made, masked when shown."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Final

from stdnum import luhn

_FULL_WIDTH_AND_SPACES: Final = re.compile(r"[\s\-]")
_RIC_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RIC_CHECKS: Final = "10X98765432"


class NotPersonal(ValueError):
    """The text is not of the form asked for; the message never repeats it."""


def cleaned(text: str) -> str:
    """Fold full-width digits and letters to plain ones and drop blanks and hyphens."""
    return _FULL_WIDTH_AND_SPACES.sub("", unicodedata.normalize("NFKC", text))


@dataclass(frozen=True, slots=True, repr=False)
class Personal:
    """A piece of personal data; `plain` is the only way to the value."""

    plain: str
    kind: ClassVar[str] = "personal"

    @property
    def masked(self) -> str:
        """What a person who need not know may see."""
        return "***"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.masked})"

    __str__ = __repr__


@dataclass(frozen=True, slots=True, repr=False)
class Mobile(Personal):
    """A mainland mobile number of 11 digits."""

    kind: ClassVar[str] = "mobile"

    @classmethod
    def parse(cls, text: str) -> Mobile:
        """Read a mobile number, forgiving blanks and full-width digits.

        Raises:
            NotPersonal: it is not 11 digits beginning with 13 to 19.
        """
        number = cleaned(text).removeprefix("+86")
        if not re.fullmatch(r"1[3-9]\d{9}", number, re.ASCII):
            raise NotPersonal("a mobile number has 11 digits and begins with 13 to 19")
        return cls(number)

    @property
    def masked(self) -> str:
        """Give the first three and last four digits."""
        return f"{self.plain[:3]}****{self.plain[-4:]}"


@dataclass(frozen=True, slots=True, repr=False)
class NationalId(Personal):
    """A resident identity number (GB 11643-1999) of 18 places."""

    kind: ClassVar[str] = "national_id"

    @classmethod
    def parse(cls, text: str) -> NationalId:
        """Read an ID number and check its birth date and check digit.

        Raises:
            NotPersonal: the form, the date or the check digit is wrong.
        """
        number = cleaned(text).upper()
        if not re.fullmatch(r"[1-9]\d{16}[\dX]", number, re.ASCII):
            raise NotPersonal("an ID number has 17 digits and a check digit or X")
        try:
            date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
        except ValueError:
            raise NotPersonal("the birth date inside the ID number does not exist") from None
        if number[-1] != check_digit(number[:17]):
            raise NotPersonal("the check digit of the ID number is wrong")
        return cls(number)

    @property
    def born_on(self) -> date:
        """The birth date written in the number."""
        return date(int(self.plain[6:10]), int(self.plain[10:12]), int(self.plain[12:14]))

    def age_on(self, day: date) -> int:
        """Count full years of age on a day."""
        born = self.born_on
        return day.year - born.year - ((day.month, day.day) < (born.month, born.day))

    @property
    def is_male(self) -> bool:
        """Whether the number is a man's: its 17th digit is odd (GB 11643-1999)."""
        return int(self.plain[16]) % 2 == 1

    @property
    def masked(self) -> str:
        """Give the first three and last four places."""
        return f"{self.plain[:3]}***********{self.plain[-4:]}"


def check_digit(first_17: str) -> str:
    """Work out the check digit of an ID number (GB 11643-1999, ISO 7064 MOD 11-2)."""
    total = sum(int(digit) * weight for digit, weight in zip(first_17, _RIC_WEIGHTS, strict=True))
    return _RIC_CHECKS[total % 11]


@dataclass(frozen=True, slots=True, repr=False)
class CardNumber(Personal):
    """A bank card number of 13 to 19 digits; its Luhn digit is a hint, not a proof."""

    kind: ClassVar[str] = "card_number"

    @classmethod
    def parse(cls, text: str) -> CardNumber:
        """Read a card number, forgiving blanks and full-width digits.

        Raises:
            NotPersonal: it is not 13 to 19 digits.
        """
        number = cleaned(text)
        if not re.fullmatch(r"\d{13,19}", number, re.ASCII):
            raise NotPersonal("a card number has 13 to 19 digits")
        return cls(number)

    @property
    def passes_luhn(self) -> bool:
        """Whether the last digit agrees; some genuine cards do not."""
        return bool(luhn.is_valid(self.plain))

    @property
    def last4(self) -> str:
        """The last four digits, which may be shown."""
        return self.plain[-4:]

    @property
    def masked(self) -> str:
        """Give the first six and last four digits."""
        return f"{self.plain[:6]}{'*' * (len(self.plain) - 10)}{self.plain[-4:]}"


@dataclass(frozen=True, slots=True, repr=False)
class PersonName(Personal):
    """A person's name as on the ID card."""

    kind: ClassVar[str] = "person_name"

    @classmethod
    def parse(cls, text: str) -> PersonName:
        """Read a name of 2 to 50 letters, with the middle dot of minority names.

        Raises:
            NotPersonal: it is empty, too long or holds other characters.
        """
        name = " ".join(unicodedata.normalize("NFKC", text).split())
        if not 2 <= len(name) <= 50 or not all(c.isalpha() or c in "·• .'-" for c in name):
            raise NotPersonal("a name has 2 to 50 letters, as on the ID card")
        return cls(name)

    @property
    def masked(self) -> str:
        """Give the first character only."""
        return self.plain[0] + "*" * (len(self.plain) - 1)
