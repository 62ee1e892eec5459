"""How a payment's reply reaches the caller, or does not."""

from __future__ import annotations

from typing import Final

from flask import Response

from sandbox import connections, signing
from sandbox.channel import form as forms
from sandbox.channel.form import Form
from sandbox.faults import Fault

GARBAGE: Final = "<html><body><h1>502 Bad Gateway</h1></body></html>"


def reply(fields: Form, fault: Fault | None) -> Response:
    """Answer a payment in the way its fault wants it."""
    match fault:
        case Fault.SILENT_PAID | Fault.SILENT_LOST:
            return connections.cut()
        case Fault.HTTP_500_PAID | Fault.HTTP_500_LOST:
            return failure()
        case Fault.GARBAGE_PAID:
            return garbage()
        case Fault.EMPTY_PAID:
            return Response(b"", content_type=forms.CONTENT_TYPE)
        case Fault.DRIP:
            return connections.drip(forms.reply(_signed(fields, fault)))
        case _:
            return forms.reply(_signed(fields, fault))


def failure() -> Response:
    """Answer as a server that has broken down."""
    return Response("Internal Server Error", 500, content_type="text/plain")


def garbage() -> Response:
    """Answer 200 with a page that is no answer."""
    return Response(GARBAGE, content_type="text/html; charset=utf-8")


def _signed(fields: Form, fault: Fault | None) -> Form:
    match fault:
        case Fault.BAD_SIGNATURE_PAID:
            return {**fields, "signature": signing.sign_wrongly(fields)}
        case Fault.OTHER_ORDER_PAID:
            return forms.signed({**fields, "orderId": _other(fields["orderId"])})
        case Fault.BUSY_PAID | Fault.BUSY_LOST:
            busy = {name: value for name, value in fields.items() if name != "queryId"}
            return forms.signed({**busy, **forms.code_fields("60")})
        case _:
            return forms.signed(fields)


def _other(order_id: str) -> str:
    """Make the number of an order that was not asked about."""
    return order_id[:-1] + ("1" if order_id.endswith("0") else "0")
