"""The channel's callback: a verified notice only says what to ask about; a forged one says nothing."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound, UnsupportedMediaType

from disbursement import debits, evidence, payouts
from disbursement.channels import registry, unionpay
from disbursement.channels.channel import ForgedNotice
from kernel import logs
from kernel.db import transaction
from kernel.refusals import Refused
from kernel.web import access
from kernel.web.around import now, surroundings
from kernel.web.bodies import takes

NOTICE_BYTES_MAX: Final = 64 * 1024
FORM: Final = "application/x-www-form-urlencoded"

log = logs.logger(__name__)
blueprint = Blueprint("channel_notices", __name__)


class NotTheChannel(Refused):
    """The message does not bear the channel's signature, or is not about our merchant."""

    status = HTTPStatus.BAD_REQUEST
    code = "not_the_channel"
    title = "The message is not the channel's"
    title_zh = "通知验签失败"


@blueprint.post(unionpay.NOTICE_PATH)
@access.verified_by_view("RSA signature of the channel over the whole form")
@takes(bytes_max=NOTICE_BYTES_MAX, kinds=(FORM,))
def receive() -> Response:
    """Keep UnionPay's notice, have its payment or collection asked about, and say it arrived."""
    return _receive(unionpay.PAYS_AS)


@blueprint.post(f"{unionpay.NOTICE_PATH}/<name>")
@access.verified_by_view("signature of the named channel over the whole form")
@takes(bytes_max=NOTICE_BYTES_MAX, kinds=(FORM,))
def receive_of(name: str) -> Response:
    """Keep the notice of any other channel, each by its own door."""
    return _receive(name)


def _receive(name: str) -> Response:
    if name not in registry.names():
        raise NotFound()
    if request.mimetype != FORM:
        raise UnsupportedMediaType()
    channel = registry.connect(name, surroundings())
    fields = request.form.to_dict(flat=True)
    if len(fields) != sum(1 for _ in request.form.items(multi=True)):
        raise NotTheChannel("a field stands twice")
    try:
        notice = channel.read_notice(fields)
    except ForgedNotice as forged:
        with transaction() as session:
            evidence.keep_forged(session, forged.exchange, channel=channel.name, at=now())
        log.warning("notice.forged", verdict=forged.exchange.verdict)
        raise NotTheChannel() from None
    with transaction() as session:
        hear = debits.hear if notice.is_collection else payouts.hear
        is_ours = hear(session, notice, channel=channel.name, at=now())
    log.info("notice.heard", order_no=notice.key.order_no, code=notice.code, is_ours=is_ours)
    return Response("ok", content_type="text/plain; charset=utf-8")
