"""The loops that look after channels: lists of returns, funding positions, keys that run out."""

from __future__ import annotations

from datetime import date
from typing import Final

from sqlalchemy import select

from disbursement import payouts, positions, returns
from disbursement.channels import registry, signing
from disbursement.channels.channel import NotReady, TellsReturns
from disbursement.payouts import Source
from disbursement.records.channels import FundingPosition
from disbursement.records.funders import Funder
from kernel import logs
from kernel.clock import business_day
from kernel.db import transaction
from kernel.outbound import Garbled, NoAnswer
from kernel.surroundings import Surroundings

KEY_DAYS: Final = 30
"""A key that may be used for at most so many days more is warned of."""

log = logs.logger(__name__)


def pull_returns(surroundings: Surroundings) -> int:
    """Ask each channel that has such a list what came back, and count the returns it named."""
    found = 0
    for name, channel in registry.connect_all(surroundings).items():
        if not isinstance(channel, TellsReturns):
            continue
        with transaction() as session:
            due = returns.days_due(session, name, at=surroundings.clock.now())
        for day in due:
            try:
                found += pull_day(surroundings, channel, day)
            except NotReady:
                break
            except (NoAnswer, Garbled) as silence:
                log.warning("returns.not_listed", channel=name, day=str(day), reason=str(silence))
                break
    return found


def pull_day(surroundings: Surroundings, channel: TellsReturns, day: date) -> int:
    """Ask a channel what came back on a day, book it, and count it.

    Raises:
        NotReady: the day has not begun for the channel.
        NoAnswer: nobody knows.
        Garbled: the answer cannot be read.
    """
    listed = channel.fetch_returns(day)
    with transaction() as session:
        told = returns.told(session, channel.name, listed)
    for one in told:
        with transaction() as session:
            payouts.record(
                session,
                one.leg_id,
                one.receipt,
                source=Source.RETURNS,
                at=surroundings.clock.now(),
            )
    # Last, so that a death before it has the list asked for once more.
    with transaction() as session:
        returns.keep(session, channel.name, day, listed, at=surroundings.clock.now())
    return len(listed.items)


def look_at_funds(surroundings: Surroundings) -> int:
    """Look at the books of every funder that has a position, and count them."""
    with transaction() as session:
        known = session.scalars(
            select(Funder.id).join(FundingPosition, FundingPosition.funder_id == Funder.id)
        ).all()
    for funder_id in known:
        with transaction() as session:
            funder = session.get_one(Funder, funder_id)
            positions.refresh(session, funder, at=surroundings.clock.now())
    return len(known)


def warn_of_keys(surroundings: Surroundings) -> int:
    """Warn of every key of a channel that runs out soon or has run out, and count them."""
    today = business_day(surroundings.clock.now())
    found = 0
    for name, channel in registry.connect_all(surroundings).items():
        for term in signing.expiring(channel.key_terms, on=today, days=KEY_DAYS):
            found += 1
            log.warning(
                "channel.key_runs_out",
                channel=name,
                key=term.certificate,
                whose="ours" if term.is_ours else "the channel's",
                until=str(term.until),
            )
    return found
