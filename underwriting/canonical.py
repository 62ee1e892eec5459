"""One spelling for everything that is stored to be compared byte for byte later.

JSON with sorted keys, no blanks and plain UTF-8; amounts, rates and figures are text, so no float
ever takes part and the same value has the same bytes on every machine and in every year.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from kernel import strict_json
from kernel.clock import require_aware

TEXT_BYTES_MAX: Final = 4 * 1024 * 1024
"""A dossier or a decision has a few kilobytes, a manifest with its golden rows some hundred."""


_DECIMAL: Final = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?")


class Unreadable(ValueError):
    """The bytes are not a document of ours; the message never quotes them."""


def dump(document: Mapping[str, Any]) -> bytes:
    """Spell a document of text, whole numbers, truth values, lists and mappings.

    >>> dump({"b": "1.50", "a": None})
    b'{"a":null,"b":"1.50"}'

    Raises:
        TypeError: something inside has no canonical spelling, a float above all.
    """
    return json.dumps(
        document,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
        default=_refuse,
    ).encode()


def load(content: bytes) -> dict[str, Any]:
    """Read a document that `dump` spelled.

    Raises:
        Unreadable: too long, not JSON, not an object, a key twice, or a float inside.
    """
    if len(content) > TEXT_BYTES_MAX:
        raise Unreadable(f"a document has at most {TEXT_BYTES_MAX} bytes")
    try:
        document = strict_json.read(content)
        dump({"whole": document})
    except (strict_json.NotJson, TypeError):
        raise Unreadable("not a canonical document") from None
    if not isinstance(document, dict):
        raise Unreadable("a document is an object")
    return document


def sha256(content: bytes) -> str:
    """Give the SHA-256 of some bytes in lower-case hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def decimal_text(value: Decimal) -> str:
    """Spell a number without exponent and without needless zeros.

    >>> decimal_text(Decimal("1.500")), decimal_text(Decimal("1E+3")), decimal_text(Decimal("-0"))
    ('1.5', '1000', '0')
    """
    if not value:
        return "0"
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def read_decimal(text: object) -> Decimal:
    """Read a number of at most 18 digits before and 18 after the point.

    Raises:
        ValueError: it is written in another way.
    """
    if not isinstance(text, str) or not _DECIMAL.fullmatch(text):
        raise ValueError("not a number written as plain digits")
    return Decimal(text)


def read_whole(value: object, *, most: int) -> int:
    """Take a whole number between 0 and `most`.

    Raises:
        ValueError: it is none.
    """
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"not a whole number up to {most}")
    return value


def read_flag(value: object) -> bool:
    """Take a truth value.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")  # noqa: TRY004 - one fault for every misspelling
    return value


def read_text(value: object) -> str:
    """Take a text.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str):
        raise ValueError("not a text")  # noqa: TRY004 - one fault for every misspelling
    return value


def instant_text(at: datetime) -> str:
    """Spell an instant in UTC."""
    return require_aware(at).astimezone(UTC).isoformat()


def read_instant(text: str) -> datetime:
    """Read an instant with its offset.

    Raises:
        ValueError: no such instant, or no zone.
    """
    return require_aware(datetime.fromisoformat(text))


def _refuse(value: object) -> str:
    raise TypeError(f"{type(value).__name__} has no canonical spelling")
