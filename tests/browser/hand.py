"""A debtor's hand in a real browser: it touches, types, and looks at every page it comes to."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe

from tests.origination.apply.builders import Person

PAGE_BYTES_MAX = 50 * 1024
NARROWEST = 360
EXPECTED = re.compile(r"status of (403|404|409|410|422|429)")
SMALL = """() => [...document.querySelectorAll(
    'main input:not([type=hidden]):not([type=radio]):not([type=checkbox]), main select, main button, main .choice')]
  .filter(e => e.getBoundingClientRect().height < 47.5 || parseFloat(getComputedStyle(e).fontSize) < 16)
  .map(e => e.outerHTML)"""


class Hand:
    """One person's telephone in a real browser."""

    def __init__(
        self, page: Any, site: str, sandbox: str, person: Person, *, pictures: Path
    ) -> None:
        self.page = page
        self.site = site
        self.sandbox = sandbox
        self.person = person
        self.pictures = pictures
        self.complaints: list[str] = []
        self._taken: set[str] = set()
        page.on("console", lambda message: self._hear(message.text))
        page.on("pageerror", lambda error: self._hear(str(error)))

    def open(self, path: str) -> None:
        """Open a page of the site, or a whole address."""
        self.page.goto(path if "://" in path else self.site + path)

    def type(self, **fields: str) -> None:
        """Type into fields by their names."""
        for name, text in fields.items():
            self.page.fill(f"#{name}", text)

    def touch(self, words: str) -> None:
        """Touch the button or link that says the words."""
        target = self.page.get_by_role("button", name=words, exact=False)
        if target.count() == 0:
            target = self.page.get_by_role("link", name=words, exact=False)
        target.first.click()
        self.page.wait_for_load_state("load")

    @property
    def path(self) -> str:
        """Where the hand is."""
        return self.page.url.removeprefix(self.site).split("?")[0]

    @property
    def heading(self) -> str:
        """What the page is about."""
        return self.page.inner_text("h1").strip()

    def look(self, name: str) -> None:
        """Look at a page as every page is looked at, and keep a picture of it."""
        found = Axe().run(self.page)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"
        assert self.page.evaluate(SMALL) == [], name
        assert self.page.evaluate("document.scripts.length") == 0, name
        assert len(self.page.content().encode()) < PAGE_BYTES_MAX, name
        self._fits(name)
        self._holds_nothing_personal(name)
        self.picture(name)

    def picture(self, name: str, *, whole: bool = True) -> Path:
        """Keep a picture of the page."""
        self.pictures.mkdir(parents=True, exist_ok=True)
        path = self.pictures / f"{name}.png"
        self.page.screenshot(path=path, full_page=whole)
        return path

    def picture_to_the_end_of(self, selector: str, path: Path) -> None:
        """Keep a picture from the top of the page to the end of one of its parts."""
        box = self.page.locator(selector).bounding_box()
        height = box["y"] + box["height"] + 24
        clip = {"x": 0, "y": 0, "width": self.page.viewport_size["width"], "height": height}
        self.page.screenshot(path=path, full_page=True, clip=clip)

    def messages(self) -> list[str]:
        """Read the messages of the number, newest first."""
        url = f"{self.sandbox}/sms/inbox/{self.person.mobile.plain}.json"
        with urllib.request.urlopen(url, timeout=5) as reply:
            return [message["text"] for message in json.load(reply)]

    def newest(self, pattern: str) -> str:
        """Find the newest message's part that a pattern names."""
        for words in self.messages():
            found = re.search(pattern, words)
            if found:
                return found[1]
        raise AssertionError(f"no message holds {pattern}")

    def code(self) -> str:
        """Read the newest code."""
        return self.newest(r"(?:验证码|Code) (\d{6})")

    def _hear(self, words: str) -> None:
        if not EXPECTED.search(words):
            self.complaints.append(words)

    def _fits(self, name: str) -> None:
        size = self.page.viewport_size
        self.page.set_viewport_size({"width": NARROWEST, "height": size["height"]})
        wide = self.page.evaluate("document.documentElement.scrollWidth")
        self.page.set_viewport_size(size)
        assert wide <= NARROWEST, f"{name} is {wide} px wide"

    def _holds_nothing_personal(self, name: str) -> None:
        for plain in (
            self.person.mobile.plain,
            self.person.national_id.plain,
            self.person.card().plain,
        ):
            assert plain not in self.page.url, name
