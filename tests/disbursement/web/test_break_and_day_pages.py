"""Breaks are explained by one and resolved by another; a day is prepared, signed and locked."""

from __future__ import annotations

import io
from datetime import date
from urllib.parse import quote

import pytest
from sqlalchemy import select

from disbursement import breaks
from disbursement.matching.kinds import BreakKind
from disbursement.records.breaks import Break, BreakStatus
from disbursement.records.days import ReconciliationDay
from kernel.clock import shanghai
from kernel.db import transaction
from tests.disbursement.reconciliation import world
from tests.disbursement.reconciliation.world import Told, movement, paid, payment
from tests.disbursement.statements.files import DAY, Payment
from tests.kernel.console_reader import links, text

DAY_PATH = f"/finance/days/{DAY}"


def stranger() -> str:
    """Reconcile a day whose file has a payment that the books do not know; give its path."""
    with transaction() as session:
        world.reconcile(session, Told(payments=[payment(paid(session, 1)), Payment(fen=500)]))
    return path_of(BreakKind.CHANNEL_ONLY)


def clean() -> None:
    with transaction() as session:
        world.reconcile(session, Told(payments=[payment(paid(session, 1))]))


def path_of(kind: BreakKind) -> str:
    with transaction() as session:
        found = session.scalars(select(Break.id).where(Break.kind == kind)).first()
        return f"/finance/breaks/{found}"


def break_of(path: str) -> Break:
    with transaction() as session:
        return session.get_one(Break, path.rsplit("/", 1)[1])


def test_the_list_says_both_sides_the_difference_and_the_age(desk):
    stranger()

    page = text(desk.person("maker").opens("/finance/breaks"))

    assert "对方（渠道／银行） ¥5.00" in page
    assert "差额（对方－我方） ¥5.00 共 1 笔" in page
    assert "0–1 个工作日 ¥5.00 未了结 1 笔" in page
    assert "渠道有、账上无 ORDER00000000001/2… — ¥5.00 ¥5.00" in page


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ("", 1),
        ("kind=channel_only", 1),
        ("kind=fee", 0),
        (f"day={DAY}", 1),
        ("day=2026-11-19", 0),
        ("owner=nobody", 1),
        ("owner=me", 0),
        ("age=0-1", 1),
        ("age=2-3", 0),
        ("age=%3E7", 0),
        ("standing=resolved", 0),
        ("standing=all", 1),
    ],
)
def test_the_list_is_narrowed_by_its_address(desk, filters, found):
    stranger()

    page = desk.person("maker").opens(f"/finance/breaks?{filters}")

    assert len(links(page, "/finance/breaks/")) == found


@pytest.mark.parametrize(
    ("on", "bucket"),
    [
        (date(2026, 11, 21), "0-1"),
        (date(2026, 11, 23), "0-1"),
        (date(2026, 11, 24), "2-3"),
        (date(2026, 11, 25), "2-3"),
        (date(2026, 11, 26), "4-7"),
        (date(2026, 12, 1), "4-7"),
        (date(2026, 12, 2), ">7"),
    ],
)
def test_ages_count_working_days_in_list_and_filter_alike(desk, morning, on, bucket):
    # Found on Saturday, 21 November: Monday the 23rd is its first working day.
    stranger()
    morning.advance_to(shanghai(on, 10))
    maker = desk.person("maker")

    shown = []
    for age in breaks.AgeBucket:
        page = maker.opens(f"/finance/breaks?age={quote(age)}")
        shown += [age] * len(links(page, "/finance/breaks/"))

    assert shown == [bucket]


def test_one_explains_and_another_checker_resolves(desk):
    path = stranger()

    explained = desk.person("maker").sends(path, f"{path}/explain", text="渠道重复入账，已要求退回")
    resolved = desk.person("checker").sends(path, f"{path}/resolve", resolution="claimed")

    assert "说明已记录" in explained
    assert "处理方式由财务复核人员决定" in explained
    assert "差异已处理" in resolved
    assert "已向渠道或银行追索并更正" in resolved
    assert break_of(path).status is BreakStatus.RESOLVED


def test_whoever_explained_it_is_refused_with_the_reason_in_sight(desk):
    path = stranger()
    checker = desk.person("checker")
    checker.sends(path, f"{path}/explain", text="渠道重复入账")

    shown = checker.opens(path)
    refused = checker.sends(path, f"{path}/resolve", 403, resolution="claimed")

    assert f'action="{path}/resolve"' not in shown
    assert "您已说明该差异，须由另一位复核人员处理" in shown
    assert "须由另一人复核" in refused
    assert break_of(path).status is BreakStatus.EXPLAINED


def test_an_explanation_that_is_missing_is_asked_for_beside_its_field(desk):
    path = stranger()

    page = desk.person("maker").sends(path, f"{path}/explain", 422, text="  ")

    assert '<a href="#text">请写明差异的原因</a>' in page
    assert break_of(path).status is BreakStatus.OPEN


@pytest.mark.parametrize("resolution", ["", "other_file_taken", "nothing"])
def test_a_break_ends_only_as_its_kind_may(desk, resolution):
    path = stranger()
    desk.person("maker").sends(path, f"{path}/explain", text="查明")

    page = desk.person("checker").sends(path, f"{path}/resolve", 422, resolution=resolution)

    assert "请选择处理方式" in page
    assert break_of(path).status is BreakStatus.EXPLAINED


def test_a_break_is_put_into_a_persons_care(desk):
    path = stranger()
    owner = desk.actors["second"].id

    page = desk.person("maker").sends(path, f"{path}/assign", owner=owner)
    refused = desk.person("maker").sends(path, f"{path}/assign", 422, owner="nobody")

    assert "责任人 吴复核" in text(page)
    assert "请选择责任人" in refused
    assert len(links(desk.person("second").opens("/finance/breaks?owner=me"), path)) == 1


def test_a_held_file_is_decided_by_two_persons(desk):
    with transaction() as session:
        leg = paid(session, 1)
        world.take_file(session, Told(payments=[payment(leg)]).file())
        world.take_file(session, Told().file())
    path = path_of(BreakKind.FILE_HELD)

    desk.person("maker").sends(path, f"{path}/explain", text="渠道重发")
    page = desk.person("checker").sends(path, f"{path}/resolve", resolution="first_file_stands")

    assert "维持先到的文件" in page
    assert break_of(path).status is BreakStatus.RESOLVED


def test_a_day_is_prepared_by_one_signed_by_another_and_locked(desk):
    clean()

    prepared = desk.person("maker").sends(DAY_PATH, f"{DAY_PATH}/prepare")
    signed = desk.person("checker").sends(DAY_PATH, f"{DAY_PATH}/sign")

    assert "等待另一位复核人员签核" in prepared
    assert "已签核，该日锁定" in signed
    assert f'action="{DAY_PATH}/' not in signed
    assert "已付 ¥9,000.00 ¥9,000.00 ¥9,000.00 ¥0.00 ¥9,000.00" in text(signed)


def test_whoever_prepared_a_day_does_not_sign_it(desk):
    clean()
    checker = desk.person("checker")
    checker.sends(DAY_PATH, f"{DAY_PATH}/prepare")

    shown = checker.opens(DAY_PATH)
    refused = checker.sends(DAY_PATH, f"{DAY_PATH}/sign", 403)

    assert "您已为该日制单，须由另一位复核人员签核" in shown
    assert "须由另一位复核人员登录后处理" in refused


def test_what_stands_against_a_day_is_named_in_words(desk):
    stranger()

    page = desk.person("maker").sends(DAY_PATH, f"{DAY_PATH}/prepare", 409)

    assert "该日尚不满足签核条件" in page
    assert "有 1 笔差异尚无说明" in text(page)


def test_a_day_without_anything_says_what_is_missing(desk):
    page = text(desk.person("maker").opens(DAY_PATH))

    for words in ("缺少渠道清算文件", "缺少银行对账单", "尚未对账"):
        assert words in page


def test_every_objection_has_its_words(desk):
    with transaction() as session:
        leg = world.sent(session, 1)
        world.take_file(session, Told(payments=[payment(leg)]).file())
        world.run(session)
        world.take_bank(session, Told(payments=[payment(leg)]).statement())
        world.sent(session, 2)

    page = text(desk.person("maker").opens(DAY_PATH))

    assert "对账之后文件有变化，须重新对账" in page
    assert "有 1 笔结果未知的付款未列入差异" in page
    assert "undecided" not in page


def test_a_day_is_reconciled_anew_with_what_is_there(desk):
    with transaction() as session:
        leg = paid(session, 1)
        told = Told(payments=[payment(leg)])
        world.take_file(session, told.file())
        world.take_bank(session, told.statement())

    page = desk.person("maker").sends(DAY_PATH, f"{DAY_PATH}/reconcile")

    assert "已重新对账" in page
    assert "三方相符：付款 1 ¥9,000.00" in text(page)


def test_a_signed_day_is_not_reconciled_again(desk):
    clean()
    desk.person("maker").sends(DAY_PATH, f"{DAY_PATH}/prepare")
    desk.person("checker").sends(DAY_PATH, f"{DAY_PATH}/sign")

    page = desk.person("maker").sends(DAY_PATH, f"{DAY_PATH}/reconcile", 409)

    assert "该日已签核锁定" in page


@pytest.mark.parametrize("day", ["2026-11-31", "2027-01-01", "20261120", "x"])
def test_a_day_that_is_none_or_to_come_has_no_page(desk, day):
    desk.person("maker").opens(f"/finance/days/{day}", 404)


def test_the_days_are_listed_with_files_and_figures(desk):
    clean()
    maker = desk.person("maker")

    page = text(maker.opens("/finance/days"))
    lines = maker.client.get("/finance/days?format=csv").get_data().decode("utf-8-sig")

    assert "2026年11月20日 未签核 已到 已到 ¥9,000.00 ¥9,000.00 0 / 0" in page
    assert "2026-11-20,未签核,已到,已到,9000.00,9000.00,0,0,," in lines


def test_days_have_pages_too(desk):
    with transaction() as session:
        for number in range(1, 29):
            for month in (9, 10):
                day = DAY.replace(month=month, day=number)
                session.add(ReconciliationDay(id=world.uuid4(), day=day, status="open"))
    maker = desk.person("maker")

    first = maker.opens("/finance/days")
    (following,) = [one for one in links(first, "/finance/days?after=") if "lang=" not in one]
    second = maker.opens(following)

    shown = links(first, "/finance/days/") + links(second, "/finance/days/")
    assert len(first.encode()) < 50_000
    assert len(shown) == len(set(shown)) == 56


def upload(desk, content: bytes, *, kind: str = "settlement", status: int = 303, day=DAY) -> str:
    return desk.person("maker").sends(
        "/finance/statements",
        "/finance/statements",
        status,
        kind=kind,
        day=str(day),
        file=(io.BytesIO(content), "file.zip"),
    )


def test_a_file_is_handed_in(desk):
    with transaction() as session:
        content = Told(payments=[payment(paid(session, 1))]).file()

    taken, again = upload(desk, content), upload(desk, content)

    assert "文件完整，已采用" in taken
    assert "同样的文件之前已收到" in again


def test_a_second_or_a_broken_file_is_kept_and_told(desk):
    held = (upload(desk, Told().file()), upload(desk, Told(payments=[Payment()]).file()))[1]
    refused = upload(desk, b"no statement", kind="bank")

    assert "此文件待两人裁定" in held
    assert "未采用" in refused
    assert "/finance/breaks" in refused


@pytest.mark.parametrize(
    ("content", "day", "words"),
    [(b"", DAY, "请选择文件"), (b"x", "2026-11-22", "不晚于今天"), (b"x", "x", "请输入结算日")],
)
def test_a_form_that_lacks_something_is_asked_for_it(desk, content, day, words):
    assert words in upload(desk, content, day=day, status=422)


def test_the_overview_shows_three_sides_ages_and_days(desk):
    with transaction() as session:
        world.sent(session, 9, fen=700_000)
    stranger()

    page = text(desk.person("maker").opens("/finance/"))

    assert "在途与未知 ¥7,000.00 1 笔" in page
    # The channel's file has 5.00 more than the books; the bank agrees with the file.
    assert "已付 ¥9,000.00 ¥9,005.00 ¥9,005.00 ¥5.00" in page
    assert "未签核的日期：1" in page


def test_a_list_can_be_read_in_english(desk):
    stranger()

    page = desk.person("maker").client.get("/finance/breaks?lang=en").text

    assert "At the channel only" in text(page)
    assert "差异" not in text(page)


def test_lines_of_bank_and_file_are_shown_beside_the_books(desk):
    with transaction() as session:
        told = Told(payments=[], movements=[movement(1_234, "UNKNOWN")])
        world.reconcile(session, told)
    path = path_of(BreakKind.BANK_ONLY)

    page = text(desk.person("maker").opens(path))

    assert "银行对账单第 1 行" in page
    assert "账本没有对应的付款" in page
