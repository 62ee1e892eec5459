"""The channel's calls: pay or collect, query, settlement file."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime
from typing import Final

from flask import Blueprint, Response, g

from sandbox import times
from sandbox.channel import form as forms
from sandbox.channel import misbehaviour, payments, settlement
from sandbox.channel.form import Declined, Form
from sandbox.channel.orders import PAID_CODE, Content, Way
from sandbox.channel.payments import Request
from sandbox.signing import decrypt
from sandbox.wire import CARD_NUMBER
from sandbox.world import world

blueprint = Blueprint("channel", __name__, url_prefix="/channel")

_ORDER: Final = {
    "txnSubType": "00",
    "channelType": "07",
    "accessType": "0",
    "currencyCode": "156",
}
_QUERY: Final = {"txnType": "00", "txnSubType": "00", "accessType": "0"}
_FILE: Final = {"txnType": "76", "txnSubType": "01", "fileType": "00"}
_CUSTOMER: Final = re.compile(r"\{customerNm=([^{}&=]{1,64})\}")
_RESERVED_MAX: Final = 1024


@blueprint.post("/gateway/backTransReq")
def pay() -> Response:
    """Take a payment or a collection, or say why not."""
    form = forms.read()
    now: datetime = g.now
    try:
        asked = _order(form)
        here = world()
        with here.lock:
            receipt = payments.take(here, asked, at=now)
    except Declined as refusal:
        return forms.reply(forms.signed(forms.declined(form, refusal)))
    more = {"queryId": receipt.query_id} if receipt.query_id is not None else {}
    return misbehaviour.reply(forms.answer(form, receipt.code, more), receipt.fault)


@blueprint.post("/gateway/queryTrans")
def query() -> Response:
    """Tell where a payment or a collection stands."""
    form = forms.read()
    now: datetime = g.now
    try:
        forms.check(form, _QUERY)
        way = _way(form)
        forms.require(form, "orderId", forms.ORDER_ID)
    except Declined as refusal:
        return forms.reply(forms.signed(forms.declined(form, refusal)))
    here = world()
    with here.lock:
        order = here.books.find(form["merId"], form["orderId"])
        if order is None or (order.way, order.txn_time) != (way, form["txnTime"]):
            found = None
        else:
            found = payments.standing(here, order, at=now)
    return forms.reply(forms.signed(forms.answer(form, PAID_CODE if found else "34", found)))


@blueprint.post("/file/download")
def download() -> Response:
    """Give out the settlement file of a day."""
    form = forms.read()
    now: datetime = g.now
    try:
        forms.check(form, _FILE)
    except Declined as refusal:
        return forms.reply(forms.signed(forms.declined(form, refusal)))
    day = times.nearest_day(form.get("settleDate", ""), now.date())
    if day is None:
        return forms.reply(forms.signed(forms.declined(form, forms.malformed("settleDate"))))
    if not settlement.is_ready(day, now):
        return forms.reply(forms.signed(forms.answer(form, "98")))
    mer_id, here = form["merId"], world()
    with here.lock:
        moved = {way: settlement.Moved(*payments.of_day(here, mer_id, way, day)) for way in Way}
    more = {
        "fileName": settlement.file_name(mer_id, day),
        "fileContent": settlement.content(mer_id, day, moved),
    }
    return forms.reply(forms.signed(forms.answer(form, PAID_CODE, more)))


def _order(form: Form) -> Request:
    """Read a payment or a collection, opening what is encrypted.

    Raises:
        Declined: a field is missing or malformed, or the signature is wrong.
    """
    forms.check(form, _ORDER)
    way = _way(form)
    if form.get("txnType") != way.txn_type:
        raise forms.malformed("txnType")
    order_id = forms.require(form, "orderId", forms.ORDER_ID)
    fen = int(forms.require(form, "txnAmt", forms.AMOUNT))
    back_url = forms.require_url(form, "backUrl")
    if not form.get("encryptCertId"):
        raise forms.malformed("encryptCertId")
    reserved = form.get("reqReserved", "")
    if len(reserved) > _RESERVED_MAX:
        raise forms.malformed("reqReserved")
    return Request(
        way=way,
        mer_id=form["merId"],
        order_id=order_id,
        txn_time=form["txnTime"],
        content=Content(
            fen=fen, card_number=_card_number(form), name=_holder(form), reserved=reserved
        ),
        back_url=back_url,
    )


def _card_number(form: Form) -> str:
    try:
        card_number = decrypt(form.get("accNo", ""))
    except ValueError:
        raise forms.malformed("accNo") from None
    # A wrong padding decrypts to noise instead of failing: the shape tells.
    if CARD_NUMBER.fullmatch(card_number) is None:
        raise forms.malformed("accNo")
    return card_number


def _way(form: Form) -> Way:
    try:
        return Way(form.get("bizType", ""))
    except ValueError:
        raise forms.malformed("bizType") from None


def _holder(form: Form) -> str:
    try:
        customer = base64.b64decode(form.get("customerInfo", ""), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        raise forms.malformed("customerInfo") from None
    named = _CUSTOMER.fullmatch(customer)
    if named is None:
        raise forms.malformed("customerInfo")
    return named[1].strip()
