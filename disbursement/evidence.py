"""Keeping every exchange with a channel: the request masked, the reply as it came."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from disbursement.channels.channel import Exchange
from disbursement.records.payouts import ChannelEvidence
from kernel import ids

REPLY_BYTES_MAX: Final = 64 * 1024
FORGED_AN_HOUR_MAX: Final = 200
"""Anybody can send a forged notice; a flood of them must not fill the database."""


def keep(session: Session, exchange: Exchange, *, channel: str, at: datetime) -> None:
    """Add an exchange to the evidence; of a longer reply the first 64 KiB and the length."""
    session.add(
        ChannelEvidence(
            id=ids.new(),
            channel=channel,
            kind=exchange.kind,
            order_no=exchange.order_no,
            is_genuine=exchange.is_genuine,
            verdict=exchange.verdict,
            request=exchange.request,
            reply=exchange.reply[:REPLY_BYTES_MAX],
            reply_bytes=len(exchange.reply),
            at=at,
        )
    )


def keep_forged(session: Session, exchange: Exchange, *, channel: str, at: datetime) -> bool:
    """Add a forged message to the evidence, unless the hour has brought enough of them."""
    lately = session.scalar(
        select(func.count())
        .select_from(ChannelEvidence)
        .where(ChannelEvidence.is_genuine.is_(False), ChannelEvidence.at > at - timedelta(hours=1))
    )
    if (lately or 0) >= FORGED_AN_HOUR_MAX:
        return False
    keep(session, exchange, channel=channel, at=at)
    return True
