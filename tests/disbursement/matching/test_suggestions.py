"""What may belong together is suggested, and never more than that."""

from __future__ import annotations

from datetime import timedelta

from disbursement.matching.suggestions import Loose, suggest
from tests.disbursement.matching.examples import CARD, DAY


def test_the_same_amount_to_the_same_card_about_the_same_day_is_suggested():
    mine = Loose(1, 100, CARD, DAY)
    twins = [Loose(8, 100, CARD, DAY), Loose(9, 100, CARD, DAY + timedelta(days=2))]

    assert suggest([mine], twins) == {1: (8, 9)}


def test_another_amount_card_or_week_is_not():
    mine = Loose(1, 100, CARD, DAY)
    others = [
        Loose(7, 101, CARD, DAY),
        Loose(8, 100, "622588******0099", DAY),
        Loose(9, 100, CARD, DAY + timedelta(days=4)),
    ]

    assert suggest([mine], others) == {}
