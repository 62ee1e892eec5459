"""One channel's settlement day on three sides: compared, and what agrees is cleared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session

from disbursement import (
    bank_comparing,
    clearing,
    comparing,
    importing,
    incoming_transfers,
    legs,
)
from disbursement.bank_comparing import BankSide
from disbursement.channels.days import CUT_OFF_HOUR
from disbursement.clearing import Settled
from disbursement.comparing import Found, ItemSide
from disbursement.incoming_transfers import Credit, Left
from disbursement.matching import fees
from disbursement.records.channels import PayoutFreeze
from disbursement.records.payouts import PayoutLeg
from disbursement.records.settlement import FileKind, FileStatus, StatementFile
from kernel.actors import Actor
from kernel.clock import shanghai
from kernel.money import Money

ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDay:
    """What the three sides of one channel's day came to."""

    channel: str
    files: tuple[StatementFile, ...]
    sides: tuple[ItemSide, ...]
    """One for each way of the money; none without the channel's file."""
    bank: BankSide
    found: tuple[Found, ...]

    @property
    def missing(self) -> tuple[FileKind, ...]:
        """The kinds of file that are not there."""
        have = {file.kind for file in self.files}
        return tuple(kind for kind in FileKind if kind not in have)

    def covered(self, day: date) -> list[str]:
        """Name the comparisons that were made."""
        scopes = []
        if FileKind.SETTLEMENT not in self.missing:
            scopes += [comparing.item_scope(self.channel, day, one.flow) for one in self.sides]
        if FileKind.BANK not in self.missing:
            scopes.append(bank_comparing.bank_scope(day, self.channel))
        return scopes


def channels_of(session: Session, day: date) -> tuple[str, ...]:
    """Name the channels whose day it is: the first one always, others once they are in use.

    While payouts are frozen after a restore, any channel may have been in use on a lost day that
    has payouts of which the books do not know that they were sent.
    """
    lost = exists().where(
        PayoutFreeze.is_open.is_(True),
        PayoutFreeze.lost_from < shanghai(day + ONE_DAY),
        PayoutFreeze.lost_until >= shanghai(day - ONE_DAY),
    )
    used = session.scalars(
        select(PayoutLeg.channel)
        .where(
            or_(
                PayoutLeg.txn_time < shanghai(day, CUT_OFF_HOUR),
                and_(PayoutLeg.order_no.is_(None), lost),
            )
        )
        .distinct()
        .union(
            select(StatementFile.channel)
            .where(StatementFile.day == day, StatementFile.status == FileStatus.TAKEN)
            .distinct()
        )
    )
    return tuple(sorted({legs.UNIONPAY, *used}))


def compare(session: Session, day: date, channel: str, *, by: Actor, at: datetime) -> ChannelDay:
    """Compare a channel's day and clear what its sides agree on."""
    settlements = importing.taken(session, FileKind.SETTLEMENT, day, channel=channel)
    statements = importing.taken(session, FileKind.BANK, day, channel=channel)
    sides = tuple(
        comparing.compare_items(session, file, flow, at=at)
        for file in settlements
        for flow in fees.flows(channel, on=day)
    )
    bank = bank_comparing.compare(session, day, channel, sides=sides, statements=statements)
    for side in sides:
        _clear(session, side, bank, by=by, at=at)
    transfers = _receive(session, day, bank, channel=channel, by=by, at=at)
    return ChannelDay(
        channel=channel,
        files=(*settlements, *statements),
        sides=sides,
        bank=bank,
        found=(*(one for side in sides for one in side.found), *bank.found, *transfers),
    )


def _clear(session: Session, side: ItemSide, bank: BankSide, *, by: Actor, at: datetime) -> None:
    settled = Settled(
        flow=side.flow,
        day=side.expected.day,
        paid_on=bank.settled.get(side.flow.principal),
        fees_on=bank.settled.get(side.flow.fee),
        returned_on=bank.settled.get(side.flow.back),
    )
    clearing.clear(session, side.agreed, settled, by=by, at=at)


def _receive(
    session: Session,
    day: date,
    bank: BankSide,
    *,
    channel: str,
    by: Actor,
    at: datetime,
) -> list[Found]:
    """Book what was transferred to us, and give what a person must look at."""
    left: list[Left] = []
    for file in importing.taken(session, FileKind.BANK, day, channel=channel):
        lines = (one.entry for one in bank.credited if one.account == file.source)
        left += incoming_transfers.receive(
            session,
            account=file.source,
            day=day,
            credits=[Credit(line.line, line.reference, Money(line.fen)) for line in lines],
            by=by,
            at=at,
        )
    scope = bank_comparing.bank_scope(day, channel)
    return [
        Found(scope=scope, difference=one.difference, transfer_id=one.transfer_id) for one in left
    ]
