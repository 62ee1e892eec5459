"""What an edge is given fits where the process runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kernel import config
from kernel.clock import SetClock, SystemClock, shanghai
from kernel.surroundings import build
from tests.conftest import TODAY
from tests.kernel.partner import answers, partner, reply


def settings_for(url: str, *, environment: str = "test") -> config.Settings:
    read = config.read({"DAICHANG_ENV": "test"})
    return replace(read, environment=environment, partner_urls=dict.fromkeys(config.PARTNERS, url))


def test_there_is_a_way_to_every_partner():
    built = build(config.read({"DAICHANG_ENV": "test"}), SystemClock())

    assert set(built.outbound) == set(config.PARTNERS)


def test_a_call_carries_the_key_and_the_time_of_the_set_clock():
    clock = SetClock(shanghai(TODAY, 10))

    with partner(answers(reply(b"{}")), requests_per_connection=2) as there:
        built = build(settings_for(there.url), clock)
        built.outbound["bureau"].get("/x")
        clock.advance_to(shanghai(TODAY, 11))
        built.outbound["bureau"].get("/x")
        built.outbound["bureau"].close()

    assert b"Authorization: Bearer sandbox-key\r\n" in there.requests[0]
    assert b"X-Sandbox-Now: 2026-11-20T10:00:00+08:00\r\n" in there.requests[0]
    assert b"X-Sandbox-Now: 2026-11-20T11:00:00+08:00\r\n" in there.requests[1]


def test_production_tells_partners_no_time_of_ours():
    with partner(answers(reply(b"{}"))) as there:
        built = build(settings_for(there.url, environment="production"), SystemClock())
        built.outbound["bureau"].get("/x")
        built.outbound["bureau"].close()

    assert b"x-sandbox-now" not in there.requests[0].lower()


def test_production_refuses_a_set_clock():
    settings = settings_for("https://partner.example", environment="production")

    with pytest.raises(ValueError, match="clock"):
        build(settings, SetClock(shanghai(TODAY, 10)))
