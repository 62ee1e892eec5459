"""F12: a channel that drips, never ends, or is spoken to over a connection that has died."""

from __future__ import annotations

import socket
from contextlib import suppress

import pytest

from disbursement.records.payouts import LegStatus
from tests.faults import scene as scenes
from tests.faults.proxy import Fault, Toxic, Way
from tests.kernel.partner import partner

pytestmark = pytest.mark.slow


def never_ends(connection: socket.socket) -> None:
    """Answer with a chunked body that has no last chunk."""
    with suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")


def test_an_answer_at_one_byte_a_second_is_unknown_and_keeps_no_other_payment_waiting(scene):
    """The whole time of a call is bounded, however regularly its bytes come."""
    scene.lend()
    with scene.worker() as around:
        scene.crew.to_channel.inject(Fault(toxic=Toxic.DRIP, way=Way.DOWN))
        scenes.run(around, "payout-send")

    statuses = [leg.status for leg in scene.legs()]
    assert statuses.count(LegStatus.UNKNOWN) == 1
    assert LegStatus.APPROVED not in statuses
    verdict = scene.let_days_go_by()
    assert verdict.complaints == ()
    assert {leg.status for leg in scene.legs()} <= {LegStatus.MATCHED, LegStatus.PAYOFF_VERIFIED}


def test_an_answer_without_an_end_is_unknown_and_paid_at_most_once(scene):
    scene.lend()

    with partner(never_ends) as endless:
        ran = scene.crew.command("pay", "--json", DAICHANG_CHANNEL_URL=endless.url)

    assert ran.returncode == 0, ran.stderr
    unknown = {leg.id for leg in scene.legs() if leg.status is LegStatus.UNKNOWN}
    assert unknown
    assert scene.partners.books()["orders"] == []
    assert scene.let_days_go_by().complaints == ()
    assert {leg.status for leg in scene.legs() if leg.id in unknown} == {LegStatus.FAILED}


def test_a_payment_over_a_connection_that_died_while_idle_is_not_sent_twice(scene):
    scene.lend()
    with scene.worker() as around:
        scenes.run(around, "payout-send")
        scene.lend()
        scene.crew.to_channel.sever()
        scenes.run(around, "payout-send")
    verdict = scene.let_days_go_by()

    assert scene.crew.to_channel.done["reset"] == 1
    assert verdict.complaints == ()
    numbers = [order["orderId"] for order in scene.partners.books()["orders"]]
    assert len(set(numbers)) == len(numbers) >= len(scene.legs()) - 1
