"""Every refusal has a code of its own and a section in docs/problems.md that says what to do."""

from __future__ import annotations

import re
from collections import defaultdict

from kernel.refusals import Refused
from kernel.web import problems
from tests.house import modules, tree

SECTION = re.compile(
    r"^### (?P<code>\S+)\n\n"
    r"\*\*(?P<status>\d{3}) · (?P<title>.+?) · (?P<title_zh>.+)\*\*\n\n"
    r"(?P<when>\S.+)\n\n"
    r"\*What to do:\* (?P<advice>\S.+)$",
    re.MULTILINE,
)
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def refusals() -> list[type[Refused]]:
    modules.loaded()
    return [kind for kind in problems.refusals() if kind.__module__.split(".")[0] in tree.FLOORS]


def codes() -> set[str]:
    return (
        {kind.code for kind in refusals()}
        | {name for name, _, _ in problems._WORDS.values()}
        | set(problems._OTHERS)
    )


def document() -> str:
    return (tree.ROOT / "docs" / "problems.md").read_text(encoding="utf-8")


def test_every_problem_has_one_section_and_no_section_is_about_nothing():
    headings = re.findall(r"^### (.+)$", document(), re.MULTILINE)

    assert sorted(headings) == sorted(codes())


def test_every_section_has_status_titles_and_advice_as_the_code_has_them():
    told = {
        found["code"]: (int(found["status"]), found["title"], found["title_zh"])
        for found in SECTION.finditer(document())
    }
    described = {code: problems.described(code) for code in codes()}

    assert told == {code: (d.status, d.title, d.title_zh) for code, d in described.items()}


def test_no_two_refusals_share_a_code():
    # A subclass that sets no code of its own is one more cause of the same refusal.
    owners = defaultdict(list)
    for kind in refusals():
        if "code" in vars(kind):
            owners[kind.code].append(f"{kind.__module__}.{kind.__name__}")

    assert {code: names for code, names in owners.items() if len(names) > 1} == {}


def test_every_refusal_speaks_both_languages():
    mute = [
        f"{kind.__module__}.{kind.__name__}"
        for kind in refusals()
        if not kind.title.isascii() or not CHINESE.search(kind.title_zh)
    ]

    assert mute == []


def test_every_code_is_a_name():
    assert [code for code in codes() if not re.fullmatch(r"[a-z][a-z0-9_]{2,39}", code)] == []


def test_every_refusal_is_told_with_a_status_of_the_caller_or_of_waiting():
    odd = {
        kind.code: int(kind.status)
        for kind in refusals()
        if not 400 <= kind.status < 500 and kind.status != 503
    }

    assert odd == {}
