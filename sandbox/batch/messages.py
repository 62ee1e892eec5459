"""The bank's messages: flat JSON of strings, signed both ways; files packed by zlib in Base64."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from flask import Response

from sandbox import connections, times, wire
from sandbox.batch import signing
from sandbox.channel import misbehaviour
from sandbox.faults import Fault

Fields = dict[str, str]

FIELDS_MAX: Final = 30
FILE_BYTES_MAX: Final = 4 * 1024 * 1024
NUMBER: Final = re.compile(r"[A-Za-z0-9]{8,32}", re.ASCII)
CUSTOMER: Final = re.compile(r"[0-9]{12}", re.ASCII)
_ECHOED: Final = ("customer", "batchNo", "orderNo", "sentAt", "day")
_MESSAGES: Final = {
    "00": "success",
    "05": "in progress",
    "10": "sentAt is too far from now",
    "11": "bad signature",
    "12": "the batch was taken before",
    "13": "the number was used for another batch",
    "30": "malformed",
    "31": "the totals of the file do not tie",
    "34": "not found",
    "40": "the batch was rejected",
    "52": "the result was given out as often as it may be",
    "60": "busy, ask later",
    "64": "the account's balance is short",
    "98": "the file does not exist yet",
}


class Declined(Exception):
    """The bank's refusal of a message: a code, still signed."""

    def __init__(self, code: str, message: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


def read() -> Fields:
    """Read the request: one flat object of strings.

    Raises:
        Refused: 415 or 400, it is something else.
    """
    body = wire.read_object()
    if len(body) > FIELDS_MAX:
        raise wire.Refused(400, "bad_message", "too many fields")
    found: Fields = {}
    for name, value in body.items():
        if not isinstance(value, str) or not wire.is_clean(value):
            raise wire.Refused(400, "bad_message", "every field is a clean string")
        found[name] = value
    return found


def check(fields: Fields) -> None:
    """Check version, signature and customer of a request.

    Raises:
        Declined: 11 for the signature, 30 for the rest.
    """
    if not signing.is_signed_by_customer(fields):
        raise Declined("11")
    if fields.get("version") != "1" or fields.get("signMethod") != "02":
        raise Declined("30", "malformed version or signMethod")
    require(fields, "customer", CUSTOMER)


def require(fields: Fields, name: str, like: re.Pattern[str]) -> str:
    """Take a field of a given shape.

    Raises:
        Declined: 30, it is missing or has another shape.
    """
    value = fields.get(name, "")
    if like.fullmatch(value) is None:
        raise Declined("30", f"malformed field {name}")
    return value


def require_stamp(fields: Fields, name: str) -> datetime:
    """Take a field `YYYYMMDDhhmmss`.

    Raises:
        Declined: 30, it is none.
    """
    try:
        return times.read_stamp(fields.get(name, ""))
    except ValueError:
        raise Declined("30", f"malformed field {name}") from None


def answer(fields: Fields, code: str, more: Mapping[str, str] | None = None) -> Fields:
    """Make the fields of a reply: what was asked, the code, and what else there is to say."""
    found = {name: fields[name] for name in _ECHOED if fields.get(name)}
    found.update(version="1", signMethod="02", keyName=signing.KEY_NAME)
    found.update(code=code, message=_MESSAGES[code])
    found.update(more or {})
    return found


def declined(fields: Fields, refusal: Declined) -> Response:
    """Answer with a refusal."""
    more = {"message": refusal.message} if refusal.message is not None else None
    return reply(answer(fields, refusal.code, more))


def reply(fields: Fields) -> Response:
    """Answer with signed fields."""
    return wire.reply({**fields, "signature": signing.sign(fields)})


def reply_as(fields: Fields, fault: Fault | None) -> Response:
    """Answer an upload in the way its fault wants it."""
    return _SPOILED.get(fault, reply)(fields)


def _wrongly_signed(fields: Fields) -> Response:
    return wire.reply({**fields, "signature": signing.sign_wrongly(fields)})


def _about_another(fields: Fields) -> Response:
    return reply({**fields, "batchNo": fields["batchNo"][::-1]})


def _busy(fields: Fields) -> Response:
    return reply({**fields, "code": "60", "message": _MESSAGES["60"]})


_SPOILED: Final[Mapping[Fault | None, Callable[[Fields], Response]]] = {
    Fault.SILENT_PAID: lambda _: connections.cut(),
    Fault.SILENT_LOST: lambda _: connections.cut(),
    Fault.HTTP_500_PAID: lambda _: misbehaviour.failure(),
    Fault.HTTP_500_LOST: lambda _: misbehaviour.failure(),
    Fault.GARBAGE_PAID: lambda _: misbehaviour.garbage(),
    Fault.EMPTY_PAID: lambda _: Response(b"", content_type="application/json"),
    Fault.BAD_SIGNATURE_PAID: _wrongly_signed,
    Fault.OTHER_ORDER_PAID: _about_another,
    Fault.BUSY_PAID: _busy,
    Fault.BUSY_LOST: _busy,
    Fault.DRIP: lambda fields: connections.drip(reply(fields)),
}


def packed(text: str) -> Fields:
    """Give a file as the fields of a message carry it."""
    content = text.encode("utf-8")
    return {
        "file": base64.b64encode(zlib.compress(content)).decode("ascii"),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def unpacked(fields: Fields) -> str:
    """Read the file that a message carries.

    Raises:
        Declined: 30, it is not packed as agreed; 31, it has another hash.
    """
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(
            base64.b64decode(fields.get("file", ""), validate=True), FILE_BYTES_MAX
        )
        text = content.decode("utf-8")
    except (binascii.Error, ValueError, zlib.error):
        raise Declined("30", "malformed field file") from None
    if not stream.eof or stream.unused_data:
        raise Declined("30", "malformed field file")
    if hashlib.sha256(content).hexdigest() != fields.get("sha256"):
        raise Declined("31", "sha256 is not that of the file")
    return text
