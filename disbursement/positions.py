"""Funding positions: what may be sent for a funder is set aside before it is sent.

What a funder has is what treasury stated when the books began, plus what the books have moved at
the bank since, less what is spoken for: every payout whose order number is out, with its fee, until
it failed or the bank shows it, and the fee until the books have it too. One row per funder is locked while something is set aside, so that
two workers cannot both take the last of it. The same holds for the limit of a channel and day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import exists, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from disbursement import accounts, ledger
from disbursement.matching import fees
from disbursement.records.channels import DailyUse, FundingHold, FundingPosition
from disbursement.records.funders import Funder
from disbursement.records.ledger import Transfer
from disbursement.records.settlement import MatchedRow
from disbursement.statements.lines import LineKind
from disbursement.transfers import BelowFloor
from kernel import events, law
from kernel.actors import Actor, Role
from kernel.money import ZERO, Money
from kernel.refusals import Refused

POLICIES: Final = Path(__file__).parent / "policies"
FEE_LATE_MAX: Final = timedelta(days=10)
"""A fee that the bank has not taken so long after its payment is waited for no longer."""


_TREASURY: Final = frozenset({Role.FINANCE_CHECKER, Role.SYSTEM})


class NotTreasury(Refused):
    """This role may not say what a funder has."""

    status = HTTPStatus.FORBIDDEN
    code = "not_treasury"
    title = "You may not state a funder's balance"
    title_zh = "您无权登记资方期初余额"


class Shortage(StrEnum):
    """Why a payout does not fit."""

    FUNDS = "funds"
    DAILY_LIMIT = "daily_limit"
    SINGLE_LIMIT = "single_limit"
    """It will not fit on any other day either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What may be sent through a channel for one funder."""

    single: Money
    daily: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Payable:
    """One payout for which money is to be set aside."""

    leg_id: UUID
    funder: Funder
    channel: str
    amount: Money
    day: date
    """The settlement day of the payment."""


def limits(channel: str, funder_code: str, *, on: date, folder: Path | None = None) -> Limits:
    """Give the limits of a channel for a funder in force on a day.

    Raises:
        LookupError: the table has none for the channel.
    """
    rows = law.rule("payout_limits", on=on, folder=folder or POLICIES).values["limit"]
    fitting = [row for row in rows if row["channel"] == channel]
    named = [row for row in fitting if row.get("funder") == funder_code]
    general = [row for row in fitting if "funder" not in row]
    for row in (*named, *general):
        return Limits(single=Money.yuan(row["single"]), daily=Money.yuan(row["daily"]))
    raise LookupError(f"no limits of {channel}")


def state_opening(
    session: Session, funder: Funder, opening: Money, *, by: Actor, at: datetime
) -> FundingPosition:
    """Take treasury's word for what lay on a funder's account before the books begin.

    The latest word counts; each is told as a fact.

    Raises:
        NotTreasury: only a checker of finance may state it.
    """
    if by.role not in _TREASURY:
        raise NotTreasury(f"a {by.role} may not state a funder's balance")
    position = _locked(session, funder, at=at)
    position.opening = opening
    body = {"funder": funder.code, "opening": str(opening), "by": str(by)}
    events.append(session, "funding.opening_stated", subject=funder.id, at=at, body=body)
    session.flush()
    return position


def keep_as_float(session: Session, funder: Funder, *, by: Actor, at: datetime) -> None:
    """Let the account of a funder who pays in beforehand never fall below zero in the books.

    For a float that nobody but us draws on: what its bank shows beyond it is not booked. Said
    again it is so already.

    Raises:
        NotTreasury: only a checker of finance may say so.
        BelowFloor: the books do not hold all that lies there: it is below zero in them, or a part
            of it was only stated as from before they began.
    """
    if by.role not in _TREASURY:
        raise NotTreasury(f"a {by.role} may not say what a funder's account may come to")
    position = _locked(session, funder, at=at)
    code = accounts.funding_bank(funder.code)
    accounts.forbid_overdraft(session, code, at=at)
    if position.opening or ledger.balance(session, code) < ZERO:
        raise BelowFloor(f"book what was paid in to {code} first, and state no opening")
    events.append(session, "funding.float", subject=funder.id, at=at, body={"by": str(by)})


def reserve(session: Session, payable: Payable, *, at: datetime) -> Shortage | None:
    """Set money and limit aside for a payout, or say why it does not fit; asked twice is once.

    Locks the funder's position and the day's use to the end of the transaction.
    """
    agreed = limits(payable.channel, payable.funder.code, on=payable.day)
    if payable.amount > agreed.single:
        return Shortage.SINGLE_LIMIT
    position = _locked(session, payable.funder, at=at)
    if session.get(FundingHold, payable.leg_id) is not None:
        return None
    fee = _fee(payable)
    if payable.amount + fee > free(position):
        # The books may have moved since they were last looked at.
        _look(session, position, payable.funder, at=at)
        if payable.amount + fee > free(position):
            return Shortage.FUNDS
    if not _use(session, payable, most=agreed.daily):
        return Shortage.DAILY_LIMIT
    _hold(session, position, payable, fee, at=at)
    return None


def hold_anyway(session: Session, payable: Payable, *, at: datetime) -> None:
    """Set aside what turned out to have been paid, whether it fits or not; once is enough."""
    position = _locked(session, payable.funder, at=at)
    known = session.get(FundingHold, payable.leg_id, with_for_update=True)
    if known is not None and not known.is_released:
        return
    _use(session, payable, most=None)
    if known is None:
        _hold(session, position, payable, _fee(payable), at=at)
        return
    known.ended_at, known.is_released, known.day = None, False, payable.day
    position.reserved += known.amount + known.fee
    session.flush()


def release(session: Session, leg_id: UUID, *, at: datetime) -> None:
    """Give back what was set aside for a payout of which nothing was paid; once is enough."""
    hold = session.get(FundingHold, leg_id, populate_existing=True)
    if hold is None or hold.ended_at is not None:
        return
    position = session.get_one(
        FundingPosition, hold.funder_id, with_for_update=True, populate_existing=True
    )
    hold = session.get_one(FundingHold, leg_id, with_for_update=True, populate_existing=True)
    if hold.ended_at is not None:
        return
    hold.ended_at, hold.is_released = at, True
    position.reserved -= hold.amount + hold.fee
    session.execute(
        update(DailyUse)
        .where(
            DailyUse.channel == hold.channel,
            DailyUse.funder_id == hold.funder_id,
            DailyUse.day == hold.day,
        )
        .values(used=DailyUse.used - hold.amount)
        .execution_options(synchronize_session=False)
    )
    session.flush()


def refresh(session: Session, funder: Funder, *, at: datetime) -> FundingPosition:
    """Look at the books anew: end the holds of what the bank has shown, and take its balance."""
    position = _locked(session, funder, at=at)
    _look(session, position, funder, at=at)
    return position


def free(position: FundingPosition) -> Money:
    """Tell what is not spoken for."""
    return position.opening + position.balance - position.reserved


def check(session: Session) -> list[str]:
    """Compare each position and each day's use with the holds they add up; no word is right."""
    return [str(found) for found in session.scalars(_DIFFERENCES)]


_DIFFERENCES: Final = text(
    """
    SELECT 'position of funder ' || p.funder_id || ' reserves ' || p.reserved
        || ' fen, its holds are ' || coalesce(h.held, 0)
    FROM funding_position p LEFT JOIN (
        SELECT funder_id, sum(CASE WHEN ended_at IS NULL THEN amount + fee ELSE fee END) AS held
        FROM funding_hold WHERE ended_at IS NULL OR NOT is_released GROUP BY funder_id
    ) h ON h.funder_id = p.funder_id
    WHERE p.reserved <> coalesce(h.held, 0)
    UNION ALL
    SELECT 'limit of ' || u.channel || ' on ' || u.day || ' has used ' || u.used
        || ' fen, its holds are ' || coalesce(h.held, 0)
    FROM daily_use u LEFT JOIN (
        SELECT channel, funder_id, day, sum(amount) AS held FROM funding_hold
        WHERE NOT is_released GROUP BY channel, funder_id, day
    ) h ON (h.channel, h.funder_id, h.day) = (u.channel, u.funder_id, u.day)
    WHERE u.used <> coalesce(h.held, 0)
    """
)


def _locked(session: Session, funder: Funder, *, at: datetime) -> FundingPosition:
    query = (
        select(FundingPosition)
        .where(FundingPosition.funder_id == funder.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = session.scalars(query).one_or_none()
    if found is not None:
        return found
    fresh = insert(FundingPosition).values(
        funder_id=funder.id, opening=ZERO, balance=ZERO, reserved=ZERO, looked_at=at
    )
    session.execute(fresh.on_conflict_do_nothing())
    found = session.scalars(query).one()
    _look(session, found, funder, at=at)
    return found


def _look(session: Session, position: FundingPosition, funder: Funder, *, at: datetime) -> None:
    # The holds first: what the bank shows between the two questions then counts twice against the
    # funder until the next look, and never not at all.
    shown = exists().where(
        MatchedRow.leg_id == FundingHold.leg_id, MatchedRow.kind == LineKind.PAID
    )
    session.execute(
        update(FundingHold)
        .where(FundingHold.funder_id == funder.id, FundingHold.ended_at.is_(None), shown)
        .values(ended_at=at)
        .execution_options(synchronize_session=False)
    )
    owed = _fees_to_come(session, funder, at=at)
    amounts, charges = session.execute(
        select(func.sum(FundingHold.amount), func.sum(FundingHold.fee)).where(
            FundingHold.funder_id == funder.id, FundingHold.ended_at.is_(None)
        )
    ).one()
    position.reserved = (amounts or ZERO) + (charges or ZERO) + owed
    position.balance = ledger.balance(session, accounts.funding_bank(funder.code))
    position.looked_at = at
    session.flush()


def _fees_to_come(session: Session, funder: Funder, *, at: datetime) -> Money:
    """Add up the fees of payments that the bank has shown, while their fees are not booked.

    A bank may take the fees of a day later than its payments. One that has not come after some
    days comes no more: what differs about it is a break.
    """
    waiting = session.execute(
        select(FundingHold.leg_id, FundingHold.fee, FundingHold.ended_at).where(
            FundingHold.funder_id == funder.id,
            FundingHold.ended_at.is_not(None),
            FundingHold.is_released.is_(False),
            FundingHold.fee > ZERO,
        )
    ).all()
    ids_by_leg = {row.leg_id: fees.booking_id(row.leg_id) for row in waiting}
    booked = set(session.scalars(select(Transfer.id).where(Transfer.id.in_(ids_by_leg.values()))))
    done = [
        row.leg_id
        for row in waiting
        if ids_by_leg[row.leg_id] in booked or row.ended_at < at - FEE_LATE_MAX
    ]
    session.execute(
        update(FundingHold)
        .where(FundingHold.leg_id.in_(done))
        .values(fee=ZERO)
        .execution_options(synchronize_session=False)
    )
    return Money.total(row.fee for row in waiting if row.leg_id not in set(done))


def _hold(
    session: Session, position: FundingPosition, payable: Payable, fee: Money, *, at: datetime
) -> None:
    session.add(
        FundingHold(
            leg_id=payable.leg_id,
            funder_id=payable.funder.id,
            channel=payable.channel,
            day=payable.day,
            amount=payable.amount,
            fee=fee,
            at=at,
            is_released=False,
        )
    )
    position.reserved += payable.amount + fee
    session.flush()


def _use(session: Session, payable: Payable, *, most: Money | None) -> bool:
    """Use up some of the day's limit; tell whether there was enough left."""
    key = {
        "channel": payable.channel,
        "funder_id": payable.funder.id,
        "day": payable.day,
    }
    session.execute(insert(DailyUse).values(used=ZERO, **key).on_conflict_do_nothing())
    use = session.get_one(
        DailyUse, tuple(key.values()), with_for_update=True, populate_existing=True
    )
    if most is not None and use.used + payable.amount > most:
        return False
    use.used += payable.amount
    session.flush()
    return True


def _fee(payable: Payable) -> Money:
    try:
        return fees.agreed(payable.channel, on=payable.day).fee(payable.amount)
    except fees.NoTermsInForce:
        return ZERO
