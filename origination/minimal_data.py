"""Find what an agency must never send: ID numbers, full card numbers, mail addresses, other numbers.

The creditor entrusted these to the agency for another purpose (PIPL art. 21 and 23): the debtor
enters them himself. A finding names the place and the kind, never the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from kernel.personal import NationalId, NotPersonal
from kernel.refusals import FieldFault

LONG_DIGITS: Final = 11
"""From here on a run of digits is a telephone, account, card or ID number."""
DEPTH_MAX: Final = 8
FINDINGS_MAX: Final = 20
REMEDY: Final = "take it out; break a number of your own with a letter or a hyphen"

_MAIL: Final = re.compile(r"[^\s@]+@[^\s@]+")
_RUN: Final = re.compile(rf"\d{{{LONG_DIGITS},}}", re.ASCII)
_GROUPED: Final = re.compile(
    r"(?<!\d)\d{1,8}(?:[ \-._/]\d{1,10}[Xx]?){1,7}(?![\dA-Za-z])", re.ASCII
)
_SEPARATORS: Final = re.compile(r"[ \-._/]")
_ID: Final = re.compile(r"(?<!\d)[1-9]\d{16}[\dXx](?!\d)", re.ASCII)
_FIELD_NAME: Final = re.compile(r"[A-Za-z0-9_]{1,40}", re.ASCII)
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def forbidden_kind(text: str) -> str | None:
    """Name the kind of forbidden data the text holds, or None.

    >>> forbidden_kind("recording 6225 8801 2345 6789")
    'a card number'
    """
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    if not plain.isprintable():
        plain = "".join(c for c in plain if unicodedata.category(c) not in _INVISIBLE)
    if len(plain) < LONG_DIGITS and "@" not in plain:
        return None
    if _ID.search(plain):
        return "an ID number"
    if _MAIL.search(plain):
        return "a mail address"
    run = max(_RUN.findall(plain), key=len, default="")
    if run:
        return "a card number" if 13 <= len(run) <= 19 else "a long number"
    kinds = (_grouped_kind(found.group()) for found in _GROUPED.finditer(plain))
    return next((kind for kind in kinds if kind), None)


def is_plain_text(text: str) -> bool:
    """Tell whether every character can be seen and kept: no control or invisible ones."""
    return text.isprintable() or not any(unicodedata.category(c) in _INVISIBLE for c in text)


def findings(payload: object, *, allowed: frozenset[str] = frozenset()) -> tuple[FieldFault, ...]:
    """List the places of a JSON value that hold forbidden data.

    Values at the pointers in `allowed` are checked for their own form elsewhere.
    """
    judged = (
        FieldFault(pointer, f"looks like {kind}: {REMEDY}")
        for pointer, text in _texts(payload, "", 0)
        if pointer not in allowed and (kind := forbidden_kind(text))
    )
    return tuple(islice(judged, FINDINGS_MAX))


def step(pointer: str, name: str) -> str:
    """Extend a JSON pointer (RFC 6901) by a field name, or stay where the name may not be shown."""
    if _FIELD_NAME.fullmatch(name) and not forbidden_kind(name):
        return f"{pointer}/{name}"
    return pointer


def _texts(value: object, pointer: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > DEPTH_MAX:
        return  # such a depth is no field of ours, so the form refuses it whole
    match value:
        case str():
            yield pointer, value
        case bool() | None:
            return
        case Mapping():
            for name, inner in value.items():
                yield pointer, str(name)
                yield from _texts(inner, step(pointer, str(name)), depth + 1)
        case Sequence():
            for position, inner in enumerate(value):
                yield from _texts(inner, f"{pointer}/{position}", depth + 1)
        case int() if abs(value) >= 10**LONG_DIGITS:
            yield pointer, "9" * min(value.bit_length() * 3 // 10 + 1, 2 * LONG_DIGITS)
        case _:
            yield pointer, str(value)


def _grouped_kind(text: str) -> str | None:
    """Judge digits broken by single separators: card groups of four, or a whole ID number."""
    groups = _SEPARATORS.split(text)
    joined = "".join(groups)
    try:
        NationalId.parse(joined)
    except NotPersonal:
        pass
    else:
        return "an ID number"
    in_fours = all(len(group) == 4 for group in groups[:-1]) and len(groups[-1]) <= 4
    return "a card number" if in_fours and 13 <= len(joined) <= 19 else None
