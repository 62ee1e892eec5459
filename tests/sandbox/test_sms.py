"""The SMS gateway and the telephone to read it on."""

from __future__ import annotations

import pytest

MOBILE = "13800000001"


def send(sandbox, text: str, reference: str):
    return sandbox.post("/sms/messages", {"mobile": MOBILE, "text": text, "reference": reference})


def test_a_message_is_taken_once_per_reference(sandbox):
    first, again = send(sandbox, "一", "R1"), send(sandbox, "一", "R1")
    other = send(sandbox, "二", "R2")

    assert (first.status_code, again.status_code) == (202, 202)
    assert first.get_json() == again.get_json()
    assert first.get_json() != other.get_json()
    inbox = sandbox.get(f"/sms/inbox/{MOBILE}.json").get_json()
    assert [message["text"] for message in inbox] == ["二", "一"]
    assert inbox[0]["sent_at"] == "2026-11-20T12:00:00+08:00"


def test_the_inbox_is_a_page_that_needs_no_key_and_runs_nothing(sandbox):
    send(sandbox, "<script>alert(1)</script> & 验证码 123456", "R1")

    page = sandbox.http.get(f"/sms/inbox/{MOBILE}")

    assert page.status_code == 200
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; 验证码 123456" in page.text
    assert "<script" not in page.text
    assert 'name="viewport"' in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_link_in_a_message_can_be_tapped_but_not_broken_out_of(sandbox):
    send(sandbox, '请打开 http://127.0.0.1/i?a=1&b=2 或 http://x/"onclick="y', "R1")

    page = sandbox.http.get(f"/sms/inbox/{MOBILE}").text

    assert '<a href="http://127.0.0.1/i?a=1&amp;b=2">' in page
    assert '<a href="http://x/">' in page
    assert "&quot;onclick=&quot;y" in page


def test_an_empty_inbox_says_so(sandbox):
    page = sandbox.http.get(f"/sms/inbox/{MOBILE}")
    listed = sandbox.http.get(f"/sms/inbox/{MOBILE}.json")

    assert "No messages yet" in page.text
    assert listed.get_json() == []


@pytest.mark.parametrize("mobile", ["abc", "1", "1" * 30, "<script>"])
def test_an_inbox_of_no_mobile_is_refused(sandbox, mobile):
    response = sandbox.http.get(f"/sms/inbox/{mobile}")

    assert (response.status_code, response.get_json()["error"]) == (400, "bad_mobile")


def test_a_full_gateway_takes_no_more_but_knows_what_it_took(sandbox, monkeypatch):
    monkeypatch.setattr("sandbox.inbox.MESSAGES_MAX", 1)
    first = send(sandbox, "一", "R1")

    more, again = send(sandbox, "二", "R2"), send(sandbox, "一", "R1")

    assert (more.status_code, more.get_json()["error"]) == (409, "sandbox_full")
    assert again.get_json() == first.get_json()


def test_a_telephone_shows_its_newest_two_hundred_messages(sandbox):
    for number in range(205):
        send(sandbox, str(number), f"R{number}")

    inbox = sandbox.get(f"/sms/inbox/{MOBILE}.json").get_json()

    assert len(inbox) == 200
    assert (inbox[0]["text"], inbox[-1]["text"]) == ("204", "5")
