"""The building blocks of every page, looked at by a real browser on a telephone's screen."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager

import pytest
from flask import render_template_string
from werkzeug.serving import make_server

from kernel.browser import find_chromium
from kernel.web import access, forms
from tests.kernel import web_builders as make

pytestmark = pytest.mark.browser

BLOCKS = """{% extends "base.html" %}{% import "forms.html" as forms %}
{% block nav %}<a href="/blocks" aria-current="page">{{ say("方案", "Offer") }}</a>{% endblock %}
{% block back %}{{ forms.back("/before") }}{% endblock %}
{% block content %}
{{ forms.steps(2, 8) }}{{ forms.error_summary(form) }}<h1>{{ say("收入", "Income") }}</h1>
<form method="post" novalidate>{{ forms.hidden() }}
{{ forms.money_field(form, "income", "收入", hint="元") }}
{{ forms.choices(form, "purpose", "用途", [("a", "甲"), ("b", "乙", "说明")]) }}
{{ forms.select(form, "bank", "银行", [("CMB", "招行")]) }}
{{ forms.tick(form, "agree", "同意") }}{{ forms.text_area(form, "note", "备注") }}
{{ forms.code_field(form, "code", "验证码") }}{{ forms.mobile_field(form, "mobile", "手机") }}
{{ forms.upload(form, "file", "文件") }}
<div class="buttons">{{ forms.button("继续") }}{{ forms.button("稍后", "second") }}
{{ forms.button("取消", "danger") }}</div></form>
{% for kind in ("", "good", "warning", "bad") %}
{% call forms.notice(kind, "注意") %}<p>文字 <a href="/x">链接</a></p>{% endcall %}
{{ forms.tag("状态", kind) }}{% endfor %}
<div class="card"><h2>年化</h2><p class="figure">12.00% <small>单利</small></p></div>
{% call forms.table("计划") %}<thead><tr><th>期</th><th class="number">本金</th></tr></thead>
<tbody>{% for n in range(3) %}<tr><td>{{ n }}</td><td class="number">¥{{ "1" * 60 }}</td></tr>
{% endfor %}</tbody>{% endcall %}
{{ forms.facts([("本金", "¥1.00")]) }}{% endblock %}
{% block footer %}<p>某公司 · <a href="tel:4000000000">400-000-0000</a></p>{% endblock %}"""

FAULTS = {name: f"请修改{name}" for name in ("income", "purpose", "agree", "code")}


@contextmanager
def served(app):
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def site(database, clock):
    app = make.app(clock)

    @access.public("a test")
    def blocks() -> str:
        return render_template_string(BLOCKS, form=forms.Filled())

    @access.public("a test")
    def faulty() -> str:
        return render_template_string(BLOCKS, form=forms.Filled(faults=FAULTS))

    app.add_url_rule("/blocks", "blocks", blocks)
    app.add_url_rule("/faulty", "faulty", faulty)
    make.hire(clock)
    with served(app) as url:
        yield url


@pytest.fixture
def page():
    from playwright.sync_api import sync_playwright

    chromium = find_chromium(os.environ)
    if chromium is None:
        pytest.fail("no Chromium here; `daichang doctor --tests --install` puts one in")
    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        phone = dict(tools.devices["iPhone 13"])
        phone.pop("default_browser_type")
        opened = browser.new_context(**phone, locale="zh-CN").new_page()
        opened.complaints = []
        opened.on("console", lambda message: opened.complaints.append(message.text))
        yield opened
        browser.close()


@pytest.mark.parametrize("path", ["/blocks", "/faulty", "/sign-in", "/faulty?lang=en"])
def test_the_blocks_are_accessible_and_fit_a_telephone(site, page, path):
    from axe_playwright_python.sync_playwright import Axe

    page.goto(site + path)
    found = Axe().run(page)

    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.complaints == []


def test_fields_and_buttons_are_large_enough_to_touch_and_to_read(site, page):
    page.goto(site + "/blocks")

    small = page.evaluate(
        """() => [...document.querySelectorAll(
             'input:not([type=hidden]):not([type=radio]):not([type=checkbox]), select, textarea, button, .choice')]
           .filter(e => e.getBoundingClientRect().height < 48
                     || parseFloat(getComputedStyle(e).fontSize) < 16)
           .map(e => e.outerHTML)"""
    )

    assert small == []


def test_a_link_of_the_error_summary_leads_to_its_field(site, page):
    page.goto(site + "/faulty")

    page.click('.error-summary a[href="#purpose"]')

    assert page.evaluate("document.activeElement.id") == "purpose"


def test_staff_come_in_and_go_out_without_any_script(site, page):
    page.goto(site + "/signed-in")
    page.fill("#login", "lin")
    page.fill("#password", make.PASSWORD)
    page.click("button")
    inside = page.inner_text("h1")
    page.click("button")

    assert inside == "您已登录"
    assert page.url.endswith("/sign-in")
