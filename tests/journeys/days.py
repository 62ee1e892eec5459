"""The days after a payout: files, breaks, two signatures, and the same money on four sides."""

from __future__ import annotations

from datetime import date, timedelta

from click.testing import Result

from demo import figures
from demo.figures import FourSides
from demo.town import Town
from kernel.clock import business_day, shanghai
from kernel.db import transaction
from kernel.money import ZERO, Money
from tests.conftest import TODAY
from tests.journeys.house import House


def next_morning(house: House) -> date:
    """Go to five past nine of the next day, let the jobs run, and give the day that is over."""
    day = business_day(house.clock.now())
    house.clock.advance_to(shanghai(day + timedelta(days=1), 9, 5))
    house.run_jobs()
    return day


def sign(house: House, day: date = TODAY) -> tuple[Result, Result]:
    """Have one person prepare a day and another sign it."""
    return (
        house.command("sign-off", "prepare", "--day", str(day), login="li.na"),
        house.command("sign-off", "sign", "--day", str(day), login="wang.fang"),
    )


def four_sides(house: House) -> FourSides:
    """Read the money from the four stores that do not read each other."""
    with transaction() as session:
        return figures.four_sides(session, Town(house.around.outbound["bank"]))


def agreed(paid: str, *, returned: Money = ZERO) -> FourSides:
    """Say what four stores must hold when so much was paid, and so much came back."""
    left = Money.yuan(paid) - returned
    return FourSides(
        paid=Money.yuan(paid), returned=returned, ledger=left, channel=left, reconciled=left
    )
