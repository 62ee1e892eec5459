"""The whole way in English: nothing is left in Chinese but the names of firms and people."""

from __future__ import annotations

import re
from datetime import timedelta

from origination import assessing
from tests.origination.apply import world
from tests.origination.web.phone import Phone

NAMES = ("华信消费金融有限公司", "资产管理", "张小明", "张**", "中文")
CHINESE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]+")
LAWS = re.compile(r'<p class="small">Version .*?</p>', re.DOTALL)


def left_in_chinese(page: str) -> list[str]:
    words = LAWS.sub("", page)
    for name in NAMES:
        words = words.replace(name, "")
    return CHINESE.findall(words)


def code(phone: Phone, purpose: str) -> str:
    for words in phone.messages():
        found = re.search(rf"Code (\d{{6}}).*{purpose}", words)
        if found:
            return found[1]
    raise AssertionError("no code came")


def walk(phone: Phone, outside):
    """Go the whole way, giving each page."""
    yield phone.open("/?lang=en")
    yield phone.open("/help")
    yield phone.open(phone.invitation())
    yield phone.send(answer="start")
    yield phone.send(mobile="12")
    yield phone.send(mobile=phone.person.mobile.plain)
    yield phone.send("/code", code="12")
    yield phone.send("/code", code=code(phone, "signing in"))
    yield phone.send(answer="refuse")
    yield phone.open("/my").send()
    yield phone.send(answer="agree")
    yield phone.send(name="1", national_id="1")
    yield phone.send(name=phone.person.name.plain, national_id=phone.person.national_id.plain)
    for _ in range(5):
        yield phone.send(answer="agree")
    yield phone.send(number="1")
    yield phone.send(number=phone.person.card().plain)
    yield phone.open("/my")
    yield phone.send(monthly_income="much")
    yield phone.send(income_source="salary", monthly_income="8000")
    yield phone.send(essential_costs="x")
    yield phone.send(essential_costs="2500")
    yield phone.send()
    assessing.run(outside)
    yield phone.open("/my")
    outside.clock.advance(timedelta(minutes=2))
    yield phone.open("/contract")
    yield phone.send("/contract/code")
    yield phone.send("/contract/sign", code="1")
    yield phone.send("/contract/sign", code=code(phone, "contract"))
    yield phone.open("/contract/signed")
    yield phone.open("/consents")
    yield phone.open("/withdraw")
    yield phone.send()


def test_every_page_of_the_way_is_whole_in_english(phone, outside):
    left = {page.path: left_in_chinese(page.text) for page in walk(phone, outside)}

    assert {path: words for path, words in left.items() if words} == {}
    assert phone.path == "/ended"


def test_a_decline_is_told_in_english(phone, outside, sandbox):
    world.load(sandbox, monthly_income="900.00")
    for page in walk(phone, outside):
        if page.path == "/apply/result":
            break

    assert left_in_chinese(phone.text) == []
    assert "Ask for a review" in phone.text
