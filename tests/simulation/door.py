"""Our own callback: the channel's notices arrive, late, twice, out of order, and forged."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from urllib.parse import urlencode

from flask import Flask

from disbursement.web import notices
from kernel.surroundings import Surroundings
from kernel.web.application import make_app
from kernel.web.around import EXTENSION, Around, Doors
from sandbox import signing
from sandbox.channel import form as forms
from tests.simulation import wire
from tests.simulation.outside import FORM, Outside

SENDINGS_MAX = 5


@dataclass(slots=True)
class Door:
    """The callback with whoever knocks at it."""

    process: Surroundings
    outside: Outside
    random: Random
    counts: Counter[str]
    app: Flask = field(init=False)
    tries: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        if self.outside.door is None:
            self.outside.door = make_app(self.process)
            self.outside.door.register_blueprint(notices.blueprint)
        self.app = self.outside.door
        self.app.extensions[EXTENSION] = Around(surroundings=self.process, doors=Doors())

    @property
    def has_knock(self) -> bool:
        """Tell whether a notice has arrived."""
        box = self.outside.mailbox
        return bool(box) and box[0][0] <= self.outside.clock.at

    def hear(self) -> object:
        """Take in any notice that is on its way; one that was not acknowledged comes again."""
        box = self.outside.mailbox
        if not box:
            return "no notice"
        at, number, form, is_genuine = box[self.random.randrange(len(box))]
        box.remove((at, number, form, is_genuine))
        box.sort(key=lambda one: one[:2])
        key = form["signature"]
        self.tries[key] += 1
        again = is_genuine and self.tries[key] < SENDINGS_MAX
        if again:
            # Until our answer is there, the channel means to send it again.
            self.outside.post(form, is_genuine=True)
        status = self._knock(form, "notice" if is_genuine else "forged notice")
        if again and status == 200:
            self._forget(form)
        return status

    def forge(self) -> object:
        """Have somebody else knock with a notice that he made up."""
        return self._knock(self.random.choice(_forgeries(self.outside)), "forged notice")

    def _forget(self, form: dict[str, str]) -> None:
        box = self.outside.mailbox
        known = next((one for one in box if one[2] is form), None)
        if known is not None:
            box.remove(known)
            box.sort(key=lambda one: one[:2])

    def _knock(self, form: dict[str, str], what: str) -> int:
        self.counts[what] += 1
        content = urlencode(form).encode()
        return wire.call(
            self.app, "POST", "/channel/notices", content=content, kind=FORM, headers={}
        ).status


def _forgeries(outside: Outside) -> list[dict[str, str]]:
    """Make one of each kind about the payments that there are."""
    made = []
    for order in outside.orders():
        true = forms.notice(order)
        paid = {**true, **forms.code_fields("00")}
        made += [
            {**paid, "signature": signing.sign_wrongly(paid)},
            {**paid, "signature": "AAAA"},
            paid,
            {**forms.signed(true), "respCode": "00", "settleAmt": "1"},
            {**forms.signed(true), "txnAmt": str(order.content.fen + 1)},
            {**paid, "merId": "777290058110098", "signature": signing.sign_wrongly(paid)},
        ]
    unknown = {
        "txnType": "12",
        "merId": "777290058110097",
        "orderId": "f" * 32,
        "txnTime": "20261120100000",
        "respCode": "00",
    }
    return [*made, {**unknown, "signature": signing.sign_wrongly(unknown)}]
