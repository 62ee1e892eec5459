"""The channel's forms: reading a request, checking its fields, and signing a reply."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Response, request

from sandbox import signing, times, wire
from sandbox.channel.orders import Order

Form = dict[str, str]

CONTENT_TYPE: Final = "application/x-www-form-urlencoded; charset=UTF-8"
FIELDS_MAX: Final = 60
_COMMON: Final = {"version": "5.1.0", "encoding": "UTF-8", "signMethod": "01"}
_CERT_ID: Final = "68759585097"
_ECHOED: Final = (
    *("txnType", "txnSubType", "bizType", "accessType", "merId", "orderId", "txnTime"),
    *("txnAmt", "currencyCode", "reqReserved", "settleDate", "fileType"),
)
_MESSAGES: Final = {
    "00": "success",
    "10": "txnTime is too far from now",
    "11": "bad signature",
    "12": "duplicate transaction",
    "13": "the orderId was used for another transaction",
    "30": "malformed field",
    "34": "no such order",
    "60": "busy, ask by query",
    "61": "no such account",
    "63": "account state",
    "64": "balance is short",
    "66": "name or identity does not match",
    "93": "account type not allowed",
    "98": "the file does not exist yet",
}

MER_ID: Final = re.compile(r"[A-Za-z0-9]{15}", re.ASCII)
ORDER_ID: Final = re.compile(r"[A-Za-z0-9]{8,32}", re.ASCII)
AMOUNT: Final = re.compile(r"[1-9][0-9]{0,10}", re.ASCII)
"""Fen; eleven digits, so that amount and fee fit the file's twelve."""


class Declined(Exception):
    """The channel's refusal to process a form: a response code, still signed."""

    def __init__(self, code: str, message: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


def read() -> Form:
    """Read the request's form.

    Raises:
        Refused: 415 for another media type, 400 for a body that is no form.
    """
    if request.mimetype != "application/x-www-form-urlencoded":
        raise wire.Refused(415, "not_a_form", "the body must be a urlencoded form")
    try:
        pairs = parse_qsl(
            request.get_data().decode("utf-8"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=FIELDS_MAX,
        )
    except ValueError:
        raise wire.Refused(400, "bad_form", "the body is not a valid form") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise wire.Refused(400, "bad_form", "a field is given twice")
    if not all(wire.is_clean(text) for pair in pairs for text in pair):
        raise wire.Refused(400, "bad_form", "a field contains control characters")
    return form


def check(form: Form, fixed: Mapping[str, str]) -> None:
    """Check signature, constant fields, merchant and time of a request.

    Raises:
        Declined: 11 for the signature, 30 for any of the rest.
    """
    if not signing.is_signed_by_merchant(form):
        raise Declined("11")
    for name, value in (*_COMMON.items(), *fixed.items()):
        if form.get(name) != value:
            raise malformed(name)
    if not form.get("certId"):
        raise malformed("certId")
    require(form, "merId", MER_ID)
    try:
        times.read_stamp(form.get("txnTime", ""))
    except ValueError:
        raise malformed("txnTime") from None


def require(form: Form, name: str, like: re.Pattern[str]) -> str:
    """Take a field of a given shape.

    Raises:
        Declined: 30, it is missing or has another shape.
    """
    value = form.get(name, "")
    if like.fullmatch(value) is None:
        raise malformed(name)
    return value


def require_url(form: Form, name: str) -> str:
    """Take a field that holds an http or https URL.

    Raises:
        Declined: 30, it does not.
    """
    value = form.get(name, "")
    try:
        parts = urlsplit(value)
        is_fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_fine = False
    if not is_fine or len(value) > 256 or not value.isascii() or " " in value:
        raise malformed(name)
    return value


def malformed(name: str) -> Declined:
    """Make the refusal of a field; its value is not repeated."""
    return Declined("30", f"malformed field {name}")


def answer(form: Form, code: str, more: Mapping[str, str] | None = None) -> Form:
    """Make the fields of a reply: what was asked, the code, and what else there is to say."""
    fields = {name: form[name] for name in _ECHOED if form.get(name)}
    fields.update(_COMMON, certId=_CERT_ID, **code_fields(code))
    fields.update(more or {})
    return fields


def code_fields(code: str) -> Form:
    """Make the two fields that say how a request went."""
    return {"respCode": code, "respMsg": _MESSAGES[code]}


def declined(form: Form, refusal: Declined) -> Form:
    """Make the fields of a reply that refuses to process a form."""
    more = {"respMsg": refusal.message} if refusal.message is not None else None
    return answer(form, refusal.code, more)


def signed(fields: Form) -> Form:
    """Add the channel's signature."""
    return {**fields, "signature": signing.sign(fields)}


def notice(order: Order) -> Form:
    """Make the fields of a notice, unsigned."""
    fields = {
        "txnType": order.way.txn_type,
        "txnSubType": "00",
        "bizType": order.way.value,
        "accessType": "0",
        "merId": order.mer_id,
        "orderId": order.order_id,
        "txnTime": order.txn_time,
        "txnAmt": str(order.content.fen),
        "currencyCode": "156",
        "queryId": order.query_id,
    }
    if order.content.reserved:
        fields["reqReserved"] = order.content.reserved
    if order.paid_on is not None:
        fields["settleDate"] = f"{order.paid_on:%m%d}"
        fields["settleAmt"] = str(order.content.fen)
    return {**fields, **_COMMON, "certId": _CERT_ID, **code_fields(order.verdict)}


def reply(fields: Form) -> Response:
    """Write fields as the reply's one line."""
    return Response(urlencode(fields), content_type=CONTENT_TYPE)
