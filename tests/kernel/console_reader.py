"""Somebody of the staff at a browser without scripts, and what he reads on a console's page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape

from flask import Flask
from flask.testing import FlaskClient

from tests.kernel import web_builders as web

CHINESE = {"Accept-Language": "zh-CN"}


@dataclass
class Person:
    """Somebody who is signed in."""

    client: FlaskClient

    def opens(self, path: str, status: int = 200) -> str:
        """Open a page and give it."""
        reply = self.client.get(path, headers=CHINESE)
        assert reply.status_code == status, (reply.status_code, reply.text[-2000:])
        return reply.text

    def sends(self, path: str, to: str, status: int = 303, **fields: object) -> str:
        """Open a page, send one of its forms, follow where it leads and give what is there."""
        page = self.opens(path)
        found = re.search(r'name="form_key" value="([^"]+)"', page)
        key = found[1] if found else "A" * 24
        data = {"csrf_token": web.form_token(page), "form_key": key, **fields}
        reply = self.client.post(to, data=data, headers=CHINESE)
        assert reply.status_code == status, (reply.status_code, reply.text[-2000:])
        return reply.text if status != 303 else self.opens(reply.location)


def signed_in(app: Flask, login: str) -> Person:
    """Sign somebody in who was hired before."""
    client = app.test_client()
    web.sign_in(client, login=login)
    return Person(client)


def text(page: str) -> str:
    """Give what a page says, without its tags, on one line."""
    main = page[page.index("<main") : page.index("</main>")]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", main)))


def links(page: str, start: str) -> list[str]:
    """List the addresses on a page that begin in a certain way."""
    return [unescape(one) for one in re.findall(r'href="([^"]+)"', page) if one.startswith(start)]
