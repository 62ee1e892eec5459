"""Pages show amounts, days and words as people here read them, small and without scripts."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from flask import render_template_string, request
from marshmallow import Schema, fields
from marshmallow.validate import Length

from kernel.clock import shanghai
from kernel.money import Money
from kernel.rates import Rate
from kernel.web import access, forms, pages
from kernel.web.fields import TypedMoneyField
from tests.kernel import web_builders as make

WORDS = {
    "income": ("请填写每月收入", "Enter your income"),
    "purpose": ("请选择用途", "Choose a purpose"),
    "agree": ("请勾选同意", "Tick to agree"),
    "code": ("请输入验证码", "Enter the code"),
}
TEMPLATE = """{% extends "base.html" %}{% import "forms.html" as forms %}
{% block title %}{{ say("收入", "Income") }}{% endblock %}
{% block back %}{{ forms.back("/before") }}{% endblock %}
{% block content %}
{{ forms.steps(2, 8) }}
{{ forms.error_summary(form) }}
<form method="post">{{ forms.hidden() }}
{{ forms.money_field(form, "income", say("收入", "Income"), hint="元") }}
{{ forms.choices(form, "purpose", "用途", [("a", "甲"), ("b", "乙", "说明")], many=true) }}
{{ forms.select(form, "bank", "银行", [("CMB", "招行")]) }}
{{ forms.tick(form, "agree", "同意") }}
{{ forms.text_area(form, "note", "备注", required=false) }}
{{ forms.code_field(form, "code", "验证码") }}
{{ forms.mobile_field(form, "mobile", "手机") }}
{{ forms.upload(form, "file", "文件", accept=".csv") }}
{{ forms.button("继续") }}</form>
{% call forms.notice("warning", "注意") %}<p>x</p>{% endcall %}
{% call forms.table("计划") %}<tbody><tr><td>1</td></tr></tbody>{% endcall %}
{{ forms.tag("已还", "good") }}{{ forms.facts([("本金", "¥1.00")]) }}
{% endblock %}"""


class IncomeForm(Schema):
    """A form of these tests."""

    income = TypedMoneyField(required=True, at_least=Money(1))
    purpose = fields.List(fields.String(), required=True, validate=Length(min=1))
    agree = fields.String(required=True)
    code = fields.String(required=True, validate=Length(equal=6))


@pytest.fixture
def app(database, clock):
    made = make.app(clock)

    @access.public("a test")
    def form() -> str:
        return render_template_string(TEMPLATE, form=forms.Filled())

    @access.public("a test")
    def send():
        filled = forms.read(IncomeForm(), WORDS, secret=frozenset({"code"}))
        if not filled.is_good:
            return render_template_string(TEMPLATE, form=filled), 422
        return str(filled.values["income"]) + str(filled.values["purpose"])

    @access.public("a test")
    def show() -> str:
        return render_template_string(request.args["t"])

    made.add_url_rule("/form", "form", form)
    made.add_url_rule("/form", "send", send, methods=["POST"])
    made.add_url_rule("/show", "show", show)
    return made


@pytest.fixture
def client(app):
    return app.test_client()


def send(client, **more):
    token = make.form_token(client.get("/form").text)
    return client.post("/form", data={"csrf_token": token, **more})


@pytest.mark.parametrize(
    ("fen", "shown"),
    [(0, "¥0.00"), (123450, "¥1,234.50"), (-5, "-¥0.05"), (100_000_000_00, "¥100,000,000.00")],
)
def test_an_amount_is_shown_with_its_sign_and_separators(fen, shown):
    assert pages.money(Money(fen)) == shown


def test_days_and_instants_are_shown_as_the_language_has_them(app):
    at = datetime(2026, 12, 4, 16, 30, tzinfo=UTC)

    with app.test_request_context("/?lang=zh"):
        zh = (pages.day(date(2026, 12, 5)), pages.day(at), pages.moment(at))
    with app.test_request_context("/?lang=en"):
        en = (pages.day(date(2026, 12, 5)), pages.day(at), pages.moment(at))

    # 16:30 UTC is half past midnight of the next day in Shanghai.
    assert zh == ("2026年12月5日", "2026年12月5日", "2026年12月5日 00:30")
    assert en == ("5 December 2026", "5 December 2026", "5 December 2026 00:30")


def test_a_naive_instant_is_never_shown(app):
    with app.test_request_context("/"), pytest.raises(ValueError, match="zone"):
        pages.moment(shanghai(date(2026, 12, 5)).replace(tzinfo=None))


@pytest.mark.parametrize(
    ("rate", "places", "shown"),
    [
        (Rate.percent("12.00"), 2, "12.00%"),
        (Decimal("0.128038"), 2, "12.80%"),
        (Decimal("0.128038"), 4, "12.8038%"),
        (Decimal("0.00005"), 2, "0.01%"),
        (Decimal(0), 2, "0.00%"),
        (Decimal("-0.015"), 1, "-1.5%"),
    ],
)
def test_a_rate_is_shown_in_percent(rate, places, shown):
    assert pages.percent(rate, places) == shown


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (("", None, None), "zh-CN"),
        (("", "en-GB,en;q=0.9", None), "en"),
        (("", "zh-TW,zh;q=0.9,en;q=0.8", None), "zh-CN"),
        (("", "fr", None), "zh-CN"),
        (("?lang=en", "zh", None), "en"),
        (("?lang=fr", None, None), "zh-CN"),
        (("", "zh", "en"), "en"),
        (("?lang=zh", "en", "en"), "zh-CN"),
        (("", None, "<script>"), "zh-CN"),
    ],
)
def test_the_language_is_the_chosen_one_or_what_the_browser_asks(client, asked, expected):
    query, accept, cookie = asked
    if cookie:
        client.set_cookie("lang", cookie)

    page = client.get(f"/form{query}", headers={"Accept-Language": accept} if accept else {})

    assert f'<html lang="{expected}">' in page.text


def test_a_chosen_language_is_remembered(client):
    client.get("/form?lang=en")

    assert '<html lang="en">' in client.get("/form").text


def test_the_switch_leads_to_the_same_page_in_the_other_language(client):
    page = client.get("/form?x=1").text

    assert 'href="/form?x=1&amp;lang=en"' in page


def test_the_switch_works_on_pages_of_faults_too(client):
    assert 'href="/?lang=en"' in client.get("/nowhere").text


def test_what_a_template_is_given_is_escaped(client):
    page = client.get("/show", query_string={"t": "{{ request.args.x }}", "x": "<b>&"})

    assert page.text == "&lt;b&gt;&amp;"


def test_a_good_form_is_understood_as_people_type_it(client):
    good = send(client, income=" ¥８,０００.5 元", purpose=["a", "b"], agree="yes", code="123456")

    assert good.text == "8000.50['a', 'b']"


def test_a_faulty_form_says_what_to_do_on_top_and_at_each_field(client):
    faulty = send(client, income="viel", code="123")

    page = faulty.text
    assert faulty.status_code == 422
    assert "<title>出错：收入 · Daichang</title>" in page
    summary = re.findall(r'<li><a href="#(\w+)">([^<]+)</a>', page)
    assert summary == [
        ("income", "请填写每月收入"),
        ("purpose", "请选择用途"),
        ("agree", "请勾选同意"),
        ("code", "请输入验证码"),
    ]
    for name, words in summary:
        assert f'id="{name}"' in page
        assert f"{words}</p>" in page
    assert 'aria-describedby="income-hint income-fault" aria-invalid="true" value="viel"' in page


def test_a_faulty_form_loses_nothing_but_what_is_secret(client):
    page = send(client, income="viel", purpose="b", agree="yes", code="123", note="<x>").text

    assert 'value="viel"' in page
    assert re.search(r'value="b" checked', page)
    assert not re.search(r'value="a" checked', page)
    assert re.search(r'value="yes" checked', page)
    assert ">&lt;x&gt;</textarea>" in page
    assert 'value="123"' not in page


def test_a_fresh_form_has_nothing_ticked_and_no_fault(client):
    page = client.get("/form").text

    assert "checked" not in page
    assert "error-summary" not in page
    assert "aria-invalid" not in page
    assert "第 2 步，共 8 步" in page
    assert '<progress value="2" max="8"' in page
    assert 'type="tel"' in page
    assert 'autocomplete="tel-national"' in page
    assert 'autocomplete="one-time-code"' in page


def test_every_hint_and_fault_that_a_field_points_to_exists(client):
    for page in (client.get("/form").text, send(client).text):
        ids = set(re.findall(r'\bid="([^"]+)"', page))
        pointed = " ".join(re.findall(r'aria-(?:describedby|labelledby)="([^"]+)"', page)).split()
        assert set(pointed) <= ids
        assert set(re.findall(r'for="([^"]+)"', page)) <= ids


def test_a_fault_that_only_the_verb_found_stands_at_its_field(app):
    with app.test_request_context("/"):
        filled = forms.Filled(typed={"code": "1"}).with_fault("code", "验证码已过期", "Expired")

    assert dict(filled.faults) == {"code": "验证码已过期"}
    assert filled.typed == {"code": "1"}


def test_a_field_without_words_is_a_mistake(app):
    with app.test_request_context("/", method="POST"), pytest.raises(AssertionError, match="code"):
        forms.read(IncomeForm(), {name: WORDS[name] for name in ("income", "purpose", "agree")})


def test_a_page_with_its_style_is_small_and_has_no_script(client):
    page = client.get("/form").text
    style = client.get(re.search(r'href="([^"]+\.css[^"]*)"', page)[1])

    size = len(page.encode()) + len(style.data)
    style.close()
    assert size < 50_000
    assert "<script" not in page
    assert "style=" not in page
    assert "maximum-scale" not in page
