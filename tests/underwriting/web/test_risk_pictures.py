"""Every page of the risk console with a picture has its table, its file and its empty state."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from kernel.db import transaction
from tests.kernel.console_reader import links, signed_in, text
from tests.underwriting import builders as make
from tests.underwriting.web import desk, watch_desk
from tests.underwriting.web.watch_desk import DAY
from underwriting import assessments, reviews
from underwriting.lots import Part, Route, Why
from underwriting.records.service import ReviewCause
from underwriting.watched import Measure, Verdict
from underwriting.web.watching_manners import MANNERS, Topic

PAGES = (
    "/risk/scores", "/risk/watching", "/risk/watching/course", "/risk/policies", "/risk/reviews",
    "/risk/policies/2026-11", "/risk/policies/differences?old=2026-08&new=2026-11",
    *(f"/risk/watching/{topic}" for topic in Topic),
)  # fmt: skip


@pytest.fixture
def site(database, clock):
    desk.hire(clock)
    return desk.app(clock)


@pytest.fixture
def officer(site):
    return signed_in(site, "chen")


def csv(officer, path: str) -> list[str]:
    reply = officer.client.get(f"{path}{'&' if '?' in path else '?'}format=csv&lang=en")
    assert reply.status_code == 200, reply.text[-500:]
    assert reply.content_type.startswith("text/csv")
    return reply.get_data().decode("utf-8-sig").splitlines()


def scored(count: int = 10) -> None:
    for number in range(count):
        pd = f"0.{50 + 30 * number:03}000"
        desk.assessed(make.Says(pd), application=number + 1, minutes=-number, version="2026-11")


def test_every_page_opens_on_an_empty_house_in_both_languages(officer):
    for path in PAGES:
        assert len(officer.opens(path).encode()) < 50_000, path
        assert officer.client.get(path, headers={"Accept-Language": "en"}).status_code == 200, path


def test_every_page_is_for_risk_staff_alone(site):
    stranger, finance = site.test_client(), signed_in(site, "lin").client
    for path in PAGES:
        assert stranger.get(path).location.startswith("/sign-in?next="), path
        assert finance.get(path).status_code == 403, path


def test_every_topic_of_the_watch_shows_pictures_with_their_tables_and_files(officer):
    watch_desk.watched(DAY, watch_desk.whole_day())
    for topic in Topic:
        page = officer.opens(f"/risk/watching/{topic}")

        assert page.count("<svg") == page.count("<table") > 0, topic
        assert len(page.encode()) < 50_000
        files = [one for one in links(page, f"/risk/watching/{topic}?") if "format=csv" in one]
        assert len(files) == page.count("<table")
        for path in files:
            assert len(csv(officer, path)) > 1


def test_what_rang_is_listed_first_and_leads_to_its_course(officer):
    watch_desk.watched(DAY - timedelta(days=1), watch_desk.whole_day())
    watch_desk.watched(DAY, watch_desk.whole_day())

    page = officer.opens("/risk/watching")
    (course, *_) = links(page, "/risk/watching/course?measure=score_drift")
    shown = officer.opens(course)

    assert "评分漂移（PSI） made_up-1 0.1800 0.1000" in text(page)
    assert shown.count("<svg") == 1
    assert "2026-11-18" in shown
    assert "监测停在" not in page


def test_a_watch_that_stands_still_is_told(officer):
    watch_desk.watched(DAY - timedelta(days=9), watch_desk.whole_day())

    assert "监测停在" in officer.opens("/risk/watching")


def test_a_loud_reading_stands_above_a_larger_quiet_one(officer):
    quiet = watch_desk.reading(Measure.SHARED_DEVICES, "north", "0.9")
    loud = watch_desk.reading(Measure.SHARED_DEVICES, "south", "0.2", verdict=Verdict.ALARM)
    watch_desk.watched(DAY, [quiet, loud])

    page = text(officer.opens("/risk/watching/collusion"))

    assert page.index("south") < page.index("north")


def test_an_agencys_code_is_no_formula_and_no_markup(officer):
    evil = '=HYPERLINK("x")<img src=x>'
    watch_desk.watched(DAY, [watch_desk.reading(Measure.APPROVAL, evil, "0.5")])

    page = officer.opens("/risk/watching/agencies")
    [_, row] = csv(officer, "/risk/watching/agencies?plate=approval")

    assert "<img" not in page
    assert row.startswith("\"'=HYPERLINK")


def test_a_table_that_a_page_has_not_is_said_so(officer):
    officer.opens("/risk/watching/drift?format=csv&plate=nothing", 404)
    officer.opens("/risk/reviews?format=csv", 404)


def test_a_day_that_is_none_is_named_and_ignored(officer):
    watch_desk.watched(DAY, watch_desk.whole_day())

    page = officer.opens("/risk/watching/drift?day=2026-13-40", 422)

    assert "请输入日期" in page
    assert "<svg" in page


def test_a_cut_off_by_number_says_what_it_would_change(officer):
    scored()

    page = text(officer.opens("/risk/scores?cut=15&was=27"))

    # Recorded are 5, 8, 11 ... 32 %: up to 27 % eight are approved as it is, up to 15 % four.
    assert "通过 4 增 0，减 4" in page
    assert "预计违约率 9.50% 现行 15.50%" in page


def test_the_slider_counts_where_the_number_was_left_alone(officer):
    scored()

    slid = text(officer.opens("/risk/scores?was=27&cut=27&slide=12"))
    typed = text(officer.opens("/risk/scores?was=27&cut=15&slide=27"))

    assert "分界 12%" in slid
    assert "分界 15%" in typed


def test_whoever_is_gained_beyond_the_bands_is_an_estimate_and_said_to_be(officer):
    scored()

    page = text(officer.opens("/risk/scores?cut=30"))

    assert "通过 9 增 1，减 0" in page
    assert "放款额为估计" in page


def test_a_cut_off_that_is_none_is_named_and_ignored(officer):
    scored(2)
    for cut in ("0", "-3", "101", "NaN", "Infinity", "1e9999", "1e-9999999", "0.00000001", "abc"):
        page = officer.client.get("/risk/scores", query_string={"cut": cut})

        assert page.status_code == 422, cut
        assert "分界 27%" in text(page.text), cut


def test_only_the_last_decision_of_an_application_counts(officer):
    desk.assessed(make.Says("0.100000"), application=1, minutes=-2, version="2026-11")
    desk.assessed(make.Says("0.200000"), application=1, minutes=-1, version="2026-11")

    rows = csv(officer, "/risk/scores?plate=spread")

    assert sum(int(row.split(",")[2]) for row in rows[1:]) == 1


def test_a_policy_is_shown_with_its_sources_and_the_text_of_its_file(officer):
    page = text(officer.opens("/risk/policies/2026-11"))

    assert "征信业管理条例 16" in page
    assert "band A · annual_rate 9.00" in page
    assert "six people seldom do" in page
    officer.opens("/risk/policies/1999-01", 404)


def test_two_policies_are_compared_by_value_and_on_the_newest_dossiers(officer):
    desk.assessed(make.Says("0.250000"), minutes=-1)

    page = text(officer.opens("/risk/policies/differences?old=2026-08&new=2026-11&history=yes"))

    assert "profit burden_gain — 2.50" in page
    assert "比较的申请 1" in page
    officer.opens("/risk/policies/differences?old=2026-08&new=nothing", 404)


def test_the_queue_says_how_long_each_waits_and_what_is_overdue(site, officer, clock):
    path = desk.assessed(make.Says("0.100000"), watchlist_hits=(make.hit("court"),))
    with transaction() as session:
        kept = assessments.get(session, UUID(path[-36:]))
        reviews.owe(session, kept, cause=ReviewCause.RULES, at=make.AT + timedelta(days=5))

    clock.advance_to(make.AT + timedelta(days=9))
    page = officer_again(site).opens("/risk/reviews")

    # 72 hours were promised on the fifth day, and 96 have passed.
    assert "已超时" in page
    assert "96.0" in page
    assert path in page
    assert len(csv(officer_again(site), "/risk/reviews?plate=queue")) == 2


def officer_again(site):
    """Sign in anew: a session does not last for days."""
    return signed_in(site, "chen")


def test_a_second_officer_confirms_what_the_first_proposed(site, officer):
    path = desk.assessed(make.Says("0.100000"), watchlist_hits=(make.hit("court"),))
    officer.sends(path, f"{path}/review", outcome="decline", note="仍有执行案件")

    assert "拒绝 ·" in text(officer.opens("/risk/reviews"))
    page = signed_in(site, "zhao").sends(path, f"{path}/review", outcome="decline", note="同意")

    assert "审核结论已记录" in page
    assert "没有等待人工审核的申请" in officer.opens("/risk/reviews")


def test_a_decision_under_the_second_form_shows_what_it_rests_on(officer):
    route = Route(routing_id=UUID(int=7), part=Part.CHALLENGER, why=Why.LOT, place=1)
    figures = {**desk.FIGURES, "ring_size": Decimal(7)}
    path = desk.assessed(
        make.Says("0.150000", bound="0.180000"), version="2026-11", route=route, figures=figures
    )

    page = officer.opens(path)
    told = text(page)

    for words_ in (
        "违约概率上界 18.00%", "矩阵格 2", "预期收益", "挑战者 · 抽签", "可用于月供",
        "ring_large", "关联人数（含本人） 7", "困难月份不能只还最低", "额度为",
    ):  # fmt: skip
        assert words_ in told
    assert len(csv(officer, f"{path}?plate=ceilings")) == 6
    assert len(page.encode()) < 50_000


def test_reasons_of_the_score_say_what_weighed(officer):
    path = desk.assessed(make.Says("0.600000"), version="2026-11")

    assert "评分贡献 +0.4000" in text(officer.opens(path))


def test_a_model_card_comes_as_a_page_a_document_and_files(officer):
    name = desk.published()

    page = officer.opens(f"/risk/models/{name}")
    made = officer.opens(f"/risk/models/{name}?part=made")
    told = officer.client.get(f"/risk/models/{name}?format=json").get_json()
    document = officer.client.get(f"/risk/models/{name}?format=html")

    assert (page.count("<svg"), made.count("<svg")) == (4, 1)
    # The served model has 25 features more than this one, each of 200 bytes.
    assert max(len(one.encode()) for one in (page, made)) < 40_000
    assert "本机重算 一致" in text(made)
    assert told["golden"]["holds_here"] is True
    assert document.headers["Content-Disposition"].startswith("attachment")
    assert len(csv(officer, f"/risk/models/{name}?plate=gain")) == 11


def test_every_measure_has_its_manner():
    assert set(MANNERS) == set(Measure)
