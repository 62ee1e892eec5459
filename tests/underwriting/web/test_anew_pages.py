"""On the page of an assessment an officer has it assessed anew, and sees who did so before."""

from __future__ import annotations

import pytest

from kernel.db import transaction
from tests.kernel.console_reader import signed_in, text
from tests.underwriting import builders as make
from tests.underwriting.web import desk
from tests.underwriting.web.desk import assessed
from underwriting import anew, askings, assessments
from underwriting.obstacles import Cause, Obstacle

COURT = {"watchlist_hits": (make.hit("court"),)}


@pytest.fixture
def officer(database, clock):
    desk.hire(clock)
    return signed_in(desk.app(clock), "chen")


def test_an_officer_asks_with_a_reason_and_nobody_decides_meanwhile(officer):
    path = assessed(make.Says("0.100000"), **COURT)
    shown = officer.opens(path)

    page = officer.sends(path, f"{path}/anew", reason="名单已更正")
    refused = officer.sends(path, f"{path}/review", 409, outcome="approve", note="已核实")
    twice = officer.sends(path, f"{path}/anew", 409, reason="再来一次")

    assert "还可 3 次" in text(shown)
    assert "答复时限不变" in text(page)
    assert "正在重新评估 Lin" in text(page)
    assert "名单已更正" in text(page)
    assert f'action="{path}/review"' not in page
    assert f'action="{path}/anew"' not in page
    assert "该申请正在重新评估" in text(refused)
    assert "该申请正在重新评估" in text(twice)


@pytest.mark.parametrize("reason", ["", "  ", "x" * (anew.REASON_LENGTH_MAX + 1)])
def test_without_a_reason_nothing_is_asked(officer, reason):
    path = assessed(make.Says("0.100000"), **COURT)

    page = officer.sends(path, f"{path}/anew", 422, reason=reason)

    assert "请写明重新评估的理由" in page
    assert f'action="{path}/anew"' in page


def test_the_newest_assessment_tells_who_asked_what_came_of_it_and_what_it_turns_round(officer):
    older = assessed(make.MustNotScore(), has_bureau_file=False, figures={})
    officer.sends(older, f"{older}/anew", reason="征信报告已补")
    newer = assessed(make.Says("0.100000"), minutes=1, version="2026-11", **COURT)

    page = text(officer.opens(newer))

    assert "重新评估的申请" in page
    assert "Lin 征信报告已补" in page
    assert "已重新评估" in page
    assert "通过须由两名风控人员给出：适用的政策不同。" in page
    assert "还可 2 次" in page


def test_a_try_that_failed_says_why_and_the_review_goes_on(officer):
    path = assessed(make.Says("0.100000"), **COURT)
    officer.sends(path, f"{path}/anew", reason="名单已更正")
    with transaction() as session:
        kept = assessments.get(session, path.rsplit("/", 1)[1])
        obstacle = Obstacle(Cause.SOURCE_SILENT, "bureau")
        askings.fail(session, kept, obstacle, at=make.AT)

    page = officer.opens(path)

    assert "未能评估：来源无应答 · bureau" in text(page)
    assert f'action="{path}/review"' in page
    assert f'action="{path}/anew"' in page


def test_what_waits_for_nobody_is_not_assessed_anew(officer):
    path = assessed(make.Says("0.100000"))

    page = officer.opens(path)
    refused = officer.sends(path, f"{path}/anew", 409, reason="想要更多")

    assert f'action="{path}/anew"' not in page
    assert "该评估不在待人工审核状态" in text(refused)
