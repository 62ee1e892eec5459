"""Risk staff see why a decision came out as it did, have it told again, and decide on reviews."""

from __future__ import annotations

import pytest
from sqlalchemy import text as sql

from kernel.db import transaction
from kernel.web import access
from tests.kernel.console_reader import links, signed_in, text
from tests.underwriting import builders as make
from tests.underwriting.web import desk
from tests.underwriting.web.desk import assessed
from underwriting.features.catalogue import CATALOGUE
from underwriting.records.assessments import Review
from underwriting.web import words

NOBODYS = "5b7e3a52-0d5c-4f7e-9d5e-2f1f0c9a7e02"
"""An identity that nothing has; fixed, so that every worker collects the same tests."""

COURT = {"watchlist_hits": (make.hit("court"),)}


@pytest.fixture
def site(database, clock):
    desk.hire(clock)
    return desk.app(clock)


@pytest.fixture
def officer(site):
    return signed_in(site, "chen")


def reviews() -> list[str]:
    with transaction() as session:
        return [str(one.outcome) for one in session.query(Review)]


def test_a_decision_shows_its_limit_with_every_ceiling_and_the_binding_one(officer):
    path = assessed(make.Says("0.100000"))

    page = text(officer.opens(path))

    assert "10.00%" in page
    # One card of 10,000.00 with five days of interest of 5.00: rounded up to whole hundreds.
    assert "已核实欠款合计（含缓冲） 起约束作用 ¥10,100.00" in page
    for ceiling in ("产品与法定上限", "风险等级 × 收入倍数", "还款能力"):
        assert ceiling in page
    assert "结清，上限 ¥10,025.00" in page


def test_reasons_are_given_in_both_languages(officer):
    path = assessed(make.MustNotScore(), age=17)

    page = text(officer.opens(path))

    assert "您未满法定借款年龄。" in page
    assert "You are below the age at which we may lend." in page
    assert "规则先行决定，未评分" in page


def test_inputs_policy_model_and_sources_are_shown_as_they_were(officer):
    name = desk.published()
    page = text(officer.opens(assessed()))

    for words_ in (
        "决策时的输入",
        "自述月收入 ¥8,000.00",
        "近 12 个月信用查询 1 个",
        "CR0001",
        name,
    ):
        assert words_ in page
    assert "政策 2026-08" in page


def test_a_decision_is_compared_with_today(officer):
    page = text(officer.opens(assessed(make.Says("0.100000"))))

    assert "维持现状（只还最低） ¥1,000.00" in page
    assert "新贷款" in page


def test_a_replay_says_that_all_is_the_same(officer):
    desk.published()
    path = assessed()

    page = officer.sends(path, f"{path}/replay", 200)

    assert "重放结果：一致：评分与决策逐字节相同" in text(page)


def test_a_replay_says_what_was_tampered_with(officer):
    path = assessed(make.MustNotScore(), age=17)
    with transaction() as session:
        session.execute(sql("ALTER TABLE assessment DISABLE TRIGGER assessment_append_only"))
        session.execute(sql("UPDATE assessment SET decision = '{}'"))
        session.execute(sql("ALTER TABLE assessment ENABLE TRIGGER assessment_append_only"))

    page = text(officer.sends(path, f"{path}/replay", 200))

    assert "不一致：存档内容与其哈希不符" in page
    assert "存档的决策无法读取" in page
    assert "存档无法读取" in officer.opens("/risk/assessments")


def test_a_person_approves_what_was_left_to_one(officer):
    path = assessed(make.Says("0.100000"), **COURT)

    page = officer.sends(path, f"{path}/review", outcome="approve", note="已核实执行案件结清")

    assert "审核结论已记录" in page
    assert "已核实执行案件结清" in page
    assert f'action="{path}/review"' not in page
    assert reviews() == ["approve"]


def test_without_terms_a_person_can_only_decline(officer):
    path = assessed(make.MustNotScore(), has_bureau_file=False, figures={})

    shown = officer.opens(path)
    refused = officer.sends(path, f"{path}/review", 422, outcome="approve", note="好人")
    officer.sends(path, f"{path}/review", outcome="decline", note="无法核实")

    assert 'value="approve"' not in shown
    assert "请更正资料后重新评估，或拒绝" in refused
    assert "好人" in refused
    assert reviews() == ["decline"]


@pytest.mark.parametrize(
    ("fields", "words_"),
    [
        ({"outcome": "approve", "note": " "}, "请写明理由"),
        ({"outcome": "review", "note": "x"}, "请选择通过或拒绝"),
        ({"note": "x"}, "请选择通过或拒绝"),
    ],
)
def test_a_review_lacks_nothing(officer, fields, words_):
    path = assessed(make.Says("0.100000"), **COURT)

    page = officer.sends(path, f"{path}/review", 422, **fields)

    assert words_ in page
    assert reviews() == []


def test_a_second_review_is_refused_with_the_first_in_sight(officer):
    path = assessed(make.Says("0.100000"), **COURT)
    officer.sends(path, f"{path}/review", outcome="approve", note="第一次")

    page = officer.sends(path, f"{path}/review", 409, outcome="decline", note="第二次")

    assert "该评估已完成人工审核" in page
    assert "第一次" in page
    assert reviews() == ["approve"]


def test_a_decline_of_what_the_model_would_lend_to_waits_for_a_second_officer(officer):
    path = assessed(make.Says("0.100000"), **COURT)

    page = officer.sends(path, f"{path}/review", outcome="decline", note="仍有执行案件")
    again = officer.sends(path, f"{path}/review", 403, outcome="decline", note="再次")

    assert "须由另一名风控人员确认" in page
    assert "仍有执行案件" in page
    assert "须由另一人复核" in again
    assert reviews() == []


def test_what_was_assessed_again_no_longer_waits(officer):
    older = assessed(make.Says("0.100000"), **COURT)
    newer = assessed(make.Says("0.100000"), minutes=1, **COURT)

    waiting = officer.opens("/risk/assessments?pile=waiting")
    page = officer.opens(older)

    assert links(waiting, "/risk/assessments/") == [newer]
    assert newer in page
    assert f'action="{older}/review"' not in page


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ("", 3),
        ("pile=approve", 1),
        ("pile=decline", 1),
        ("pile=review", 1),
        ("pile=waiting", 1),
        ("first=2026-11-20&last=2026-11-20", 3),
        ("first=2026-11-21", 0),
        ("last=2026-11-19", 0),
    ],
)
def test_the_list_is_narrowed_by_its_address(officer, filters, found):
    assessed(make.Says("0.100000"), application=1)
    assessed(make.MustNotScore(), application=2, age=17)
    assessed(make.Says("0.100000"), application=3, **COURT)

    page = officer.opens(f"/risk/assessments?{filters}")

    assert len(links(page, "/risk/assessments/")) == found


def test_pages_of_the_list_follow_each_other_and_stay_small(officer):
    for number in range(55):
        assessed(make.Says("0.100000"), application=number + 1, minutes=number // 2)

    first = officer.opens("/risk/assessments")
    (following,) = [one for one in links(first, "/risk/assessments?after=") if "lang=" not in one]
    second = officer.opens(following)

    shown = links(first, "/risk/assessments/") + links(second, "/risk/assessments/")
    assert len(first.encode()) < 50_000
    assert len(shown) == len(set(shown)) == 55


def test_the_list_comes_as_a_file(officer):
    assessed(make.MustNotScore(), age=17)

    reply = officer.client.get("/risk/assessments?format=csv&lang=en")

    head, row = reply.get_data().decode("utf-8-sig").splitlines()
    assert head.startswith("Assessment,Application,Decided at,Outcome")
    assert ",Declined,,,,0.00,0.00,too_young,2026-08," in row


def test_the_card_of_a_model_gives_the_number_behind_every_figure(officer):
    name = desk.published()

    page = text(officer.opens(f"/risk/models/{name}"))
    made = text(officer.opens(f"/risk/models/{name}?part=made"))

    assert "在用" in page
    assert "贷款笔数 1,500" in made
    assert page.count("n = ") == 3
    assert "95% 区间" in page
    assert "近 12 个月信用查询 inquiries_12m 个 越高风险越高" in made
    assert name in officer.opens("/risk/models")


def test_the_overview_shows_what_waits_and_what_is_in_force(officer):
    name = desk.published()
    assessed(make.Says("0.100000"), **COURT)

    page = officer.opens("/risk/")

    assert "待人工审核 1" in text(page)
    assert name in page
    assert "现行政策 2026-08" in text(page)


def test_without_a_model_it_is_said_how_to_get_one(officer):
    assert "尚未发布模型" in officer.opens("/risk/")
    assert "还没有模型" in officer.opens("/risk/models")


@pytest.mark.parametrize("path", [f"/risk/assessments/{NOBODYS}", "/risk/models/nobody"])
def test_what_is_not_there_is_said_so(officer, path):
    officer.opens(path, 404)


@pytest.mark.parametrize("path", ["/risk/", "/risk/assessments", "/risk/models"])
def test_only_risk_staff_comes_in(site, path):
    assert site.test_client().get(path).location.startswith("/sign-in?next=")
    assert signed_in(site, "lin").client.get(path).status_code == 403


def test_every_feature_has_its_words():
    assert set(words.FEATURES) == set(CATALOGUE)


def test_every_page_says_who_may_use_it(site):
    assert access.undeclared(site) == []
