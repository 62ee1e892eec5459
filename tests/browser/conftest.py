"""A real Chromium on a telephone's screen, before a real server with the debtor's pages."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.serving import make_server

from kernel import db
from kernel.browser import find_chromium, has_chinese_font
from kernel.web.application import make_app
from kernel.web.around import Doors
from origination import front_jobs, invitations
from origination.web import debtor_pages
from tests.browser.hand import Hand
from tests.conftest import ROOT
from tests.origination.apply import builders as make
from tests.origination.apply import world
from tests.origination.front import builders as front

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
INSTALL = "`daichang doctor --tests --install` puts it in"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser that can show Chinese; its absence is a fault, not a reason to skip."""
    from playwright.sync_api import sync_playwright

    path = find_chromium(os.environ)
    if path is None:
        pytest.fail(f"no Chromium here: {INSTALL}")
    if not has_chinese_font():
        pytest.fail(f"no Chinese font here, so every page would show boxes: {INSTALL}")
    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=path, args=ARGUMENTS)
        if not shows_chinese(browser):
            pytest.fail(f"this Chromium shows boxes in place of Chinese characters: {INSTALL}")
        yield browser
        browser.close()


def shows_chinese(browser: Any) -> bool:
    """Tell whether two characters look different; without a font both are the same box."""
    page = browser.new_page()
    page.set_content("<b id=one>贷</b> <b id=two>款</b>")
    pictures = {page.locator(f"#{name}").screenshot() for name in ("one", "two")}
    page.close()
    return len(pictures) == 2


@pytest.fixture
def outside(sandbox, surroundings):
    """The sandbox with one person, a lender and a model; the clock stands at noon."""
    surroundings.clock.advance_to(make.NOON)
    world.open_for_business()
    return surroundings


@pytest.fixture
def site(outside) -> Iterator[str]:
    """The address of a server with the debtor's pages."""
    app = make_app(outside, Doors(debtor_entry=debtor_pages.ENTRY))
    app.register_blueprint(debtor_pages.blueprint)
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
def hand(chromium, site, sandbox, outside) -> Iterator[Hand]:
    """The hand of somebody who was invited and holds his telephone."""
    person = make.Person()
    with db.transaction() as session:
        made = front.referral(
            session,
            front.agency(session),
            mobile=person.mobile.plain,
            card_bin=person.card().plain[:6],
            card_last4=person.card().last4,
            at=make.NOON,
        )
        invitations.invite(session, made, public_url=site, by=make.SYSTEM, at=make.NOON)
    front_jobs.send_messages(outside)
    context = chromium.new_context(
        viewport={"width": 390, "height": 844},
        device_scale_factor=2,
        is_mobile=True,
        has_touch=True,
        java_script_enabled=True,
        locale="zh-CN",
    )
    yield Hand(context.new_page(), site, sandbox, person, pictures=ROOT / "var" / "screenshots")
    context.close()
