"""The channel's callback over real HTTP: a notice makes us ask, and never decides by itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from werkzeug.serving import make_server

from disbursement import evidence, payouts
from disbursement.records.debits import DebitStatus
from disbursement.records.payouts import LegStatus
from disbursement.web import notices
from kernel.db import transaction
from kernel.surroundings import build
from kernel.web.application import make_app
from tests.disbursement import builders as make
from tests.disbursement.collecting import Collecting
from tests.disbursement.saga import Saga

CARD = make.card_number(1)
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def app(surroundings):
    made = make_app(surroundings)
    made.register_blueprint(notices.blueprint)
    return made


@pytest.fixture
def heard(settings, clock, partners, books) -> Iterator[Saga]:
    """Give a world whose channel reaches our callback by HTTP."""
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    public = f"http://127.0.0.1:{server.server_port}"
    around = build(replace(settings, public_url=public), clock)
    app = make_app(around)
    app.register_blueprint(notices.blueprint)
    server.app = app
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Saga(around, clock, partners)
    server.shutdown()
    thread.join(10)
    server.server_close()


def start(saga, fault: str | None = None) -> None:
    saga.partners.card(CARD, "9000.00", fault=fault)
    saga.start(make.leg_order(1))
    saga.send()
    saga.clock.advance(timedelta(seconds=61))


def notice(**changed: str) -> dict[str, str]:
    """Make a genuine notice about our merchant, signed with the channel's own key."""
    from sandbox import signing

    form = {
        "version": "5.1.0",
        "encoding": "UTF-8",
        "signMethod": "01",
        "txnType": "12",
        "merId": "777290058110097",
        "orderId": "a1" * 16,
        "txnTime": "20261120100000",
        "txnAmt": "900000",
        "respCode": "00",
    } | changed
    return form | {"signature": signing.sign(form)}


def kept() -> list[tuple[bool, str]]:
    with transaction() as session:
        rows = session.execute(
            text("SELECT is_genuine, verdict FROM channel_evidence WHERE kind = 'notice'")
        )
        return [(genuine, verdict) for genuine, verdict in rows]


def test_a_notice_makes_us_ask_at_once_and_the_answer_decides(heard):
    start(heard)
    too_early = heard.ask(minutes=0)

    delivered = heard.partners.deliver()
    before = heard.status()
    asked = heard.ask(minutes=0)

    assert delivered == {"delivered": 1, "failed": 0, "waiting": 0}
    assert (too_early, before, asked) == (0, LegStatus.ACCEPTED, 1)
    assert heard.status() is LegStatus.PAID
    assert kept() == [(True, "notice 00")]


def test_five_notices_are_one_payment(heard):
    start(heard, "duplicate_notice")

    delivered = heard.partners.deliver()
    asked = heard.ask(minutes=0)

    assert (delivered["delivered"], asked) == (5, 1)
    assert heard.facts() == ["payout.paid", "loan.activated"]
    assert len(kept()) == 5


def test_a_forged_notice_is_refused_kept_and_changes_nothing(heard):
    start(heard, "forged_notice")
    before = heard.leg().next_query_at

    delivered = heard.partners.deliver()

    # The forged one fails, the genuine one behind it arrives.
    assert (delivered["delivered"], delivered["failed"]) == (1, 1)
    assert sorted(kept()) == [(False, "not signed by the channel"), (True, "notice 00")]
    assert before is not None


def test_a_notice_about_an_order_that_is_not_ours_is_kept_and_answered(app, books):
    answer = app.test_client().post("/channel/notices", data=notice())

    assert answer.status_code == 200
    assert kept() == [(True, "notice 00")]


def test_an_old_notice_replayed_makes_us_ask_and_nothing_more(heard):
    start(heard)
    heard.partners.deliver()
    heard.ask(minutes=0)
    leg = heard.leg()
    again = notice(
        orderId=leg.order_no, txnTime=f"{leg.txn_time.astimezone(make.TEN.tzinfo):%Y%m%d%H%M%S}"
    )
    app = make_app(heard.surroundings)
    app.register_blueprint(notices.blueprint)

    assert app.test_client().post("/channel/notices", data=again).status_code == 200
    assert heard.ask(minutes=0) == 1
    assert heard.status() is LegStatus.PAID
    assert heard.facts() == ["payout.paid", "loan.activated"]


@pytest.mark.parametrize(
    "form",
    [
        dict,
        lambda: {"orderId": "a1" * 16},
        lambda: notice() | {"txnAmt": "1"},
        lambda: notice(merId="777290058110098"),
    ],
)
def test_what_is_not_the_channels_is_refused(app, books, form):
    answer = app.test_client().post("/channel/notices", data=form(), content_type=FORM)

    assert answer.status_code == 400
    assert [genuine for genuine, _ in kept()] == [False]


def test_a_field_that_stands_twice_is_refused(app, books):
    body = "&".join(f"{key}=1" for key in ("orderId", "orderId"))

    answer = app.test_client().post("/channel/notices", data=body, content_type=FORM)

    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"a=" + b"x" * 70_000, FORM, 413),
        (b"a=%00", FORM, 400),
        (b"\xff\xfe=\xff", FORM, 400),
        (b"&".join(b"k%d=1" % n for n in range(5000)), FORM, 400),
    ],
)
def test_a_message_we_cannot_read_is_refused_without_a_fault(  # noqa: PLR0917 - a table
    app, books, content, kind, status
):
    answer = app.test_client().post("/channel/notices", data=content, content_type=kind)

    assert answer.status_code == status


def test_only_post_is_taken(app, books):
    assert app.test_client().get("/channel/notices").status_code == 405


def test_a_flood_of_forged_notices_does_not_fill_the_database(app, books, monkeypatch):
    monkeypatch.setattr(evidence, "FORGED_AN_HOUR_MAX", 3)
    client = app.test_client()

    for _ in range(5):
        assert client.post("/channel/notices", data={"orderId": "a1" * 16}).status_code == 400

    assert len(kept()) == 3


def test_a_notice_with_another_second_than_ours_is_not_about_our_payment(heard):
    start(heard)
    leg = heard.leg()
    other = notice(orderId=leg.order_no, txnTime="20261120095959")
    from disbursement.channels import unionpay

    read = unionpay.connect(heard.surroundings).read_notice(other)
    with transaction() as session:
        assert not payouts.hear(session, read, channel="unionpay", at=heard.clock.now())
    assert heard.ask(minutes=0) == 0


def collect(saga, fault: str | None = None) -> Collecting:
    world = Collecting(saga=saga, card=make.card_number(77, "621700", 19))
    world.begin()
    world.bind(fault=fault)
    world.stand_at(world.first_due()[0])
    world.plan()
    world.send()
    saga.clock.advance(timedelta(seconds=61))
    return world


@pytest.mark.parametrize("fault", [None, "duplicate_notice", "forged_notice"])
def test_notices_of_a_collection_make_us_ask_and_book_it_once(heard, fault):
    world = collect(heard, fault)
    assert world.status() is DebitStatus.ACCEPTED

    told = heard.partners.deliver()
    world.ask()

    assert told["delivered"] >= 1
    assert world.status() is DebitStatus.PAID
    assert world.taken() == world.order().amount.fen
    assert heard.facts().count("debit.paid") == 1
    kinds = [(kind, genuine) for kind, genuine, _ in heard.evidence() if kind == "notice"]
    assert (("notice", False) in kinds) is (fault == "forged_notice")


def test_a_notice_of_a_collection_says_nothing_about_a_payout(heard):
    world = collect(heard)
    order = world.order()

    with transaction() as session:
        as_payout = payouts.hear(session, genuine(order), channel="unionpay", at=heard.clock.now())

    assert not as_payout


def genuine(order):
    from disbursement.channels.channel import Exchange, Notice, OrderKey

    exchange = Exchange(
        kind="notice", order_no=order.order_no, is_genuine=True, verdict="", request="", reply=b""
    )
    key = OrderKey(order_no=order.order_no, txn_time=order.txn_time)
    return Notice(key=key, code="00", exchange=exchange, is_collection=True)


def test_a_channel_that_sends_no_notices_has_every_one_refused_and_kept(app):
    reply = app.test_client().post("/channel/notices/bank_direct", data={"orderNo": "a1" * 16})

    assert reply.status_code == 400
    assert kept() == [(False, "this bank sends no notices")]


def test_a_channel_has_a_door_of_its_own_name(app):
    reply = app.test_client().post("/channel/notices/unionpay", data=notice())

    assert reply.status_code == 200
    assert [genuine for genuine, _ in kept()] == [True]


@pytest.mark.parametrize("name", ["nobody", "registry", "..%2Funionpay"])
def test_there_is_no_door_for_a_channel_that_is_not_there(app, name):
    reply = app.test_client().post(f"/channel/notices/{name}", data=notice())

    assert reply.status_code == 404
    assert kept() == []
