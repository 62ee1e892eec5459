"""What holds after any run, whatever faults were mixed: books = files = bank = issuers."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.app import create_app
from tests.sandbox.outsider import ACCOUNT, Outsider, card, person, shanghai

FAULTS = [
    *("silent_paid", "silent_lost", "http_500_paid", "http_500_lost", "garbage_paid"),
    *("empty_paid", "bad_signature_paid", "other_order_paid", "refuse_61", "refuse_63"),
    *("refuse_66", "refuse_93", "late", "query_lags", "return_later", "return_in_file"),
    *("refuse_late", "duplicate_notice", "forged_notice", "drip", "amount_off_by_one"),
    *("file_only", "in_clearing", "busy_paid", "busy_lost"),
]
UNPAID = {"silent_lost", "http_500_lost", "busy_lost", "refuse_late"}
UNPAID |= {"refuse_61", "refuse_63", "refuse_66", "refuse_93"}
RETURNED = {"return_later", "return_in_file"}
CARDS = [f"62258800000000{number:02d}" for number in range(4)]
FUNDS_FEN = 1_000_000_000
START = shanghai(2026, 12, 29)
DAYS = [date(2026, 12, 29) + timedelta(days=n) for n in range(20)]


@dataclass(frozen=True)
class Step:
    fault: str | None
    card: str
    fen: int
    again: bool
    pause_minutes: int
    returned_after: int


steps = st.builds(
    Step,
    fault=st.none() | st.sampled_from(FAULTS),
    card=st.sampled_from(CARDS),
    fen=st.integers(1, 1_000_000),
    again=st.booleans(),
    pause_minutes=st.sampled_from([0, 1, 7, 60, 359, 700]),
    returned_after=st.integers(1, 4),
)


def fen(text: str) -> int:
    return int(text.replace(".", ""))


def begin() -> Outsider:
    """Start with four cards that bear no interest, so that only payouts move them."""
    sandbox = Outsider(create_app(), at=START)
    cards = [card(number, balance="90000000.00", daily_rate="0") for number in CARDS]
    sandbox.load(person(1, *cards))
    sandbox.fund("10000000.00")
    return sandbox


def run(sandbox: Outsider, story: list[Step]) -> None:
    """Pay step by step; some are sent twice, and the notices go nowhere."""
    for number, step in enumerate(story):
        if step.fault is not None:
            sandbox.script(step.card, step.fault, return_after_days=step.returned_after)
        sandbox.pay_raw(f"ORDER{number:04d}", step.card, step.fen, backUrl="http://127.0.0.1:9/")
        if step.again and (step.fault is None or not step.fault.endswith("_lost")):
            again = sandbox.ask_again(f"ORDER{number:04d}", step.card, step.fen)
            assert again["respCode"] == "12"
        sandbox.wait(minutes=step.pause_minutes)


def bank_day(sandbox: Outsider, day: date) -> tuple[int, int, dict[str, int]]:
    text = sandbox.get(f"/bank/accounts/{ACCOUNT}/statements/{day}").text
    _, values, *rows = text.splitlines()
    opening, closing = (fen(amount) for amount in values.split(",")[3:5])
    moved = {row["reference"]: fen(row["amount"]) for row in csv.DictReader(rows)}
    return opening, closing, moved


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(story=st.lists(steps, max_size=20), order=st.permutations(DAYS))
def test_books_files_bank_and_issuers_agree_after_any_run(story, order):
    sandbox = begin()

    run(sandbox, story)
    sandbox.at = shanghai(2027, 1, 18)
    statements = {day: bank_day(sandbox, day) for day in order}
    files = {day: sandbox.file(day) for day in order}
    books = sandbox.books()

    # The books are what the steps say.
    paid = [step for step in story if step.fault not in UNPAID]
    returned = [step for step in paid if step.fault in RETURNED]
    assert (books["payments"], books["paid_fen"]) == (len(paid), sum(s.fen for s in paid))
    assert (books["returns"], books["returned_fen"]) == (
        *(len(returned), sum(s.fen for s in returned)),
    )
    # The files add up to the books, but for the fen that the fault adds.
    off_by_one = sum(step.fault == "amount_off_by_one" for step in paid)
    assert sum(file.paid_fen for file in files.values()) == books["paid_fen"] + off_by_one
    assert sum(file.fee_fen for file in files.values()) == books["fee_fen"] == 100 * len(paid)
    assert sum(file.returned_fen for file in files.values()) == books["returned_fen"]
    numbers = [row[12] for file in files.values() for row in file.zm]
    assert len(numbers) == len(set(numbers))
    # Each summary is the sum of its lines, and each day of the bank is that day's file.
    for day, file in files.items():
        figures = (len(file.zm), file.paid_fen, file.fee_fen, len(file.zme), file.returned_fen)
        assert file.summary[1] == "|".join(map(str, figures))
        moved, stamp = statements[day][2], f"{day:%Y%m%d}"
        wrong = sum(story[int(row[12][5:])].fault == "amount_off_by_one" for row in file.zm)
        assert moved.get(f"SETTLE{stamp}", 0) == file.paid_fen - wrong
        assert moved.get(f"FEE{stamp}", 0) == file.fee_fen
        assert moved.get(f"RETURN{stamp}", 0) == file.returned_fen
    # Each day opens where the one before closed.
    for before, after in pairwise(DAYS):
        assert statements[after][0] == statements[before][1]
    left = FUNDS_FEN - books["paid_fen"] - books["fee_fen"] + books["returned_fen"]
    assert statements[DAYS[-1]][1] == left
    # Each issuer has what was paid and not given back.
    for number in CARDS:
        kept = sum(s.fen for s in paid if s.card == number and s not in returned)
        answer = sandbox.post("/issuers/CMB/balances", {"card_number": number}).get_json()
        assert fen(answer["balance"]) == 9_000_000_000 - kept


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    fault=st.none() | st.sampled_from([f for f in FAULTS if f not in {"file_only", "query_lags"}]),
    offsets=st.lists(st.integers(0, 6 * 24 * 60), min_size=2, max_size=12),
)
def test_a_payment_never_goes_back_in_its_life_in_whatever_order_it_is_asked_about(fault, offsets):
    rank = {"34": 0, "05": 0, "A6": 1, "00": 2, "RT": 3}
    sandbox = begin()
    if fault is not None:
        sandbox.script(CARDS[0], fault)
    sandbox.pay_raw("ORDER0001", CARDS[0], 100)

    told = []
    for minutes in offsets:
        sandbox.at = START + timedelta(minutes=minutes)
        told.append(sandbox.standing("ORDER0001"))

    ranks = [rank.get(code, 2) for code in told]
    assert ranks == sorted(ranks)
    sandbox.at = START + timedelta(minutes=max(offsets))
    assert sandbox.standing("ORDER0001") == told[-1]
