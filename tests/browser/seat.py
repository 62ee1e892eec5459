"""One of the staff before his own browser, as wide as a desk's."""

from __future__ import annotations

from pathlib import Path

SEEN = Path(__file__).resolve().parents[2] / "var" / "screenshots"
PAGE_BYTES_MAX = 50_000


class Seat:
    """A signed-in person; what the browser complains of is kept."""

    def __init__(self, chromium, site: str, *, login: str, password: str) -> None:
        context = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="zh-CN")
        self.page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.site = site
        self.page.goto(f"{site}/sign-in")
        self.page.fill("#login", login)
        self.page.fill("#password", password)
        self.page.click("button.button")

    def opens(self, path: str) -> None:
        self.page.goto(self.site + path)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def reads(self) -> str:
        return self.page.inner_text("main")

    def looks(self, name: str) -> None:
        """Keep a picture, and see that everybody can use the page at this width."""
        from axe_playwright_python.sync_playwright import Axe

        SEEN.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SEEN / f"{name}.png")
        found = Axe().run(self.page)
        assert found.violations_count == 0, found.generate_report()
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert len(self.page.content().encode()) < PAGE_BYTES_MAX
        assert self.complaints == []

    def leaves(self) -> None:
        self.page.context.close()
