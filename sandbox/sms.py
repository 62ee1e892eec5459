"""The SMS gateway, and everybody's telephone to read it on."""

from __future__ import annotations

import html
import re
from datetime import datetime
from typing import Final

from flask import Blueprint, Response, g

from sandbox import times, wire
from sandbox.inbox import Message
from sandbox.world import full, world

blueprint = Blueprint("sms", __name__, url_prefix="/sms")

TEXT_MAX: Final = 1_000
_LINK: Final = re.compile(r"https?://[^\s<>\"'，。；）]+")
_PAGE: Final = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>短信 SMS</title>
<style>
body {{ font: 1rem/1.6 system-ui, sans-serif; margin: 0 auto; max-width: 40rem; padding: 1rem;
  background: #f2f2f2; color: #1a1a1a; }}
li {{ background: #fff; border-radius: .75rem; list-style: none; margin: 0 0 1rem;
  padding: .75rem 1rem; overflow-wrap: anywhere; white-space: pre-wrap; }}
ol {{ padding: 0; }}
time {{ color: #555; display: block; font-size: .875rem; }}
</style>
</head>
<body>
<main>
<h1>短信 <span lang="en">SMS</span></h1>
<p><a href="">刷新 <span lang="en">Reload</span></a></p>
{messages}
</main>
</body>
</html>
"""
_NOTHING: Final = '<p>还没有短信。<span lang="en">No messages yet.</span></p>'


@blueprint.post("/messages")
def send() -> Response:
    """Take a message; the same reference is taken once."""
    body = wire.read_object()
    now: datetime = g.now
    mobile = wire.text(body, "mobile", like=wire.MOBILE)
    text = wire.text(body, "text", most=TEXT_MAX)
    reference = wire.text(body, "reference", most=64)
    here = world()
    with here.lock:
        message_id = here.inbox.find(reference)
        if message_id is None:
            if here.inbox.is_full():
                raise full("messages")
            message_id = here.number("SM")
            here.inbox.keep(
                mobile,
                Message(message_id=message_id, text=text, reference=reference, sent_at=now),
            )
    return wire.reply({"message_id": message_id}, 202)


@blueprint.get("/inbox/<mobile>.json")
def inbox_list(mobile: str) -> Response:
    """List a telephone's messages, newest first."""
    return wire.reply(
        [
            {
                "message_id": message.message_id,
                "text": message.text,
                "reference": message.reference,
                "sent_at": times.write_instant(message.sent_at),
            }
            for message in _messages(mobile)
        ]
    )


@blueprint.get("/inbox/<mobile>")
def inbox_page(mobile: str) -> Response:
    """Show a telephone's messages, newest first."""
    items = "\n".join(map(_item, _messages(mobile)))
    page = _PAGE.format(messages=f"<ol>\n{items}\n</ol>" if items else _NOTHING)
    reply = Response(page, content_type="text/html; charset=utf-8")
    reply.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    reply.headers["Cache-Control"] = "no-store"
    reply.headers["Referrer-Policy"] = "no-referrer"
    return reply


def _messages(mobile: str) -> list[Message]:
    if wire.MOBILE.fullmatch(mobile) is None:
        raise wire.Refused(400, "bad_mobile", "a mobile number is made of digits")
    here = world()
    with here.lock:
        return here.inbox.newest_first(mobile)


def _item(message: Message) -> str:
    at = times.write_instant(message.sent_at)
    shown = at[:16].replace("T", " ")
    return f'<li><time datetime="{at}">{shown}</time>{_linked(message.text)}</li>'


def _linked(text: str) -> str:
    """Escape a text for HTML and make its links tappable."""
    parts: list[str] = []
    end = 0
    for found in _LINK.finditer(text):
        link = html.escape(found[0])
        parts += (html.escape(text[end : found.start()]), f'<a href="{link}">{link}</a>')
        end = found.end()
    return "".join((*parts, html.escape(text[end:])))
