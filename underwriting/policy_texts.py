"""The text of policies as people read them: sections with their sources, and what two differ in.

Pure but for reading the files of the policies.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, Final

from underwriting import canonical, policy
from underwriting.policy import NoSuchPolicy

TOP: Final = ""
"""The name of what stands before the first section."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section of a policy."""

    name: str
    source: str
    """Where its numbers come from; empty of what stands before the first section."""
    entries: tuple[tuple[str, str], ...]
    """Place and value, such as ``band A · pd_max``; the source is left out."""
    text: str
    """As it stands in the file, with its remarks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One value that two policies differ in; None where one of them has it not."""

    section: str
    place: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Version:
    """One policy in a list."""

    version: str
    in_force: date
    sha256: str


def versions() -> tuple[Version, ...]:
    """List the policies, the newest first."""
    found = [policy.parse(content) for content in _contents().values()]
    told = [Version(each.version, each.in_force, each.sha256) for each in found]
    return tuple(sorted(told, key=lambda each: (each.in_force, each.version), reverse=True))


def sections(version: str) -> tuple[Section, ...]:
    """Give the sections of a policy in the order of its file.

    Raises:
        NoSuchPolicy: there is no such version.
    """
    content = _contents().get(version)
    if content is None:
        raise NoSuchPolicy(f"there is no policy {version!r}")
    plain, texts = tomllib.loads(content.decode()), _texts(content.decode())
    top = {key: value for key, value in plain.items() if not isinstance(value, dict)}
    found = [_section(TOP, top, texts)]
    found += [
        _section(name, value, texts) for name, value in plain.items() if isinstance(value, dict)
    ]
    return tuple(found)


def differences(old: str, new: str) -> tuple[Change, ...]:
    """List every value in which two policies differ, by section in the order of the newer one.

    Raises:
        NoSuchPolicy: there is no such version.
    """
    before, after = _values(sections(old)), _values(sections(new))
    places = [*after, *(place for place in before if place not in after)]
    return tuple(
        Change(
            section=name,
            place=place,
            before=before.get((name, place)),
            after=after.get((name, place)),
        )
        for name, place in places
        if before.get((name, place)) != after.get((name, place))
    )


def _values(found: Sequence[Section]) -> dict[tuple[str, str], str]:
    values = {}
    for section in found:
        if section.source:
            values[section.name, "source"] = section.source
        values |= {(section.name, place): value for place, value in section.entries}
    return values


@cache
def _contents() -> Mapping[str, bytes]:
    """Read every policy file of ours, by version; they never change while a process runs."""
    found = {}
    for path in sorted(policy.FOLDER.glob("*.toml")):
        with path.open("rb") as opened:
            content = opened.read(canonical.TEXT_BYTES_MAX)
        found[policy.parse(content).version] = content
    return found


def _section(name: str, values: Mapping[str, Any], texts: Mapping[str, str]) -> Section:
    rest = {key: value for key, value in values.items() if key != "source"}
    return Section(
        name=name,
        source=str(values.get("source", "")),
        entries=tuple(_flat(rest, ())),
        text=texts.get(name, ""),
    )


def _flat(value: Any, place: tuple[str, ...]) -> list[tuple[str, str]]:  # noqa: ANN401 - of TOML
    if isinstance(value, dict):
        return [pair for key, one in value.items() for pair in _flat(one, (*place, key))]
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        found = []
        for number, one in enumerate(value, 1):
            rest = {key: each for key, each in one.items() if key != "name"}
            found += _flat(rest, (*place[:-1], f"{place[-1]} {one.get('name', number)}"))
        return found
    spelled = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return [(" · ".join(place), spelled)]


def _texts(content: str) -> dict[str, str]:
    """Cut a file into the texts of its sections; remarks before a section belong to it."""
    texts: dict[str, list[str]] = {TOP: []}
    name = TOP
    waiting: list[str] = []
    for line in content.splitlines():
        if line.startswith("["):
            name = line.strip("[] ").split(".")[0]
            texts.setdefault(name, []).extend(waiting)
            waiting = []
        if line.startswith("#") or not line.strip():
            waiting.append(line)
            continue
        texts[name] += [*waiting, line]
        waiting = []
    return {key: "\n".join(lines).strip() for key, lines in texts.items()}
