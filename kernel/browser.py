"""Find or install the Chromium and the Chinese font that the page tests look through."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
INSTALL_TIMEOUT_SECONDS: Final = 300
DOWNLOAD_TIMEOUT_SECONDS: Final = 120
DEBIAN_PACKAGES: Final = ("chromium", "fonts-noto-cjk")


def find_chromium(environ: Mapping[str, str]) -> str | None:
    """Give the path of a Chromium: $CHROMIUM, one on the PATH, or Playwright's own."""
    named = environ.get("CHROMIUM")
    if named:
        return named if Path(named).is_file() else None
    for name in NAMES:
        found = shutil.which(name, path=environ.get("PATH"))
        if found:
            return found
    return _playwrights_own()


def install_chromium(environ: Mapping[str, str]) -> str | None:
    """Find a Chromium or install one, by Playwright first and by apt as root second."""
    found = find_chromium(environ)
    if found or environ.get("CHROMIUM"):
        return found
    _run([sys.executable, "-m", "playwright", "install", "chromium"], DOWNLOAD_TIMEOUT_SECONDS)
    found = find_chromium(environ)
    if found is None and _may_use_apt():
        _apt_install(DEBIAN_PACKAGES)
        found = find_chromium(environ)
    return found


def has_chinese_font() -> bool:
    """Tell whether fontconfig knows a font with Chinese glyphs."""
    lister = shutil.which("fc-list")
    if lister is None:
        return False
    listed = subprocess.run(  # noqa: S603 - a fixed command
        [lister, ":lang=zh-cn"], capture_output=True, check=False, timeout=30
    )
    return bool(listed.stdout.strip())


def install_chinese_font() -> bool:
    """Find a Chinese font or install one by apt as root."""
    if not has_chinese_font() and _may_use_apt():
        _apt_install(DEBIAN_PACKAGES[1:])
    return has_chinese_font()


def _playwrights_own() -> str | None:
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - a tool of tests only
    except ImportError:
        return None
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).is_file() else None


def _may_use_apt() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def _apt_install(packages: tuple[str, ...]) -> None:
    _run(["apt-get", "update", "-q"], INSTALL_TIMEOUT_SECONDS)
    _run(
        ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages],
        INSTALL_TIMEOUT_SECONDS,
    )


def _run(command: list[str], timeout_seconds: int) -> None:
    try:
        subprocess.run(  # noqa: S603 - fixed commands
            command, check=False, capture_output=True, timeout=timeout_seconds
        )
    except subprocess.TimeoutExpired:
        return
