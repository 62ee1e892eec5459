"""The settlement file of a great day is larger than any message, and comes whole or not at all."""

from __future__ import annotations

import base64
import os
import zlib
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from disbursement.channels import unionpay
from kernel.outbound import NoAnswer
from kernel.surroundings import build
from sandbox import signing
from tests.disbursement.builders import TEN
from tests.kernel.partner import answers, partner, reply

DAY = TEN.date()


def answer(settings, archive: bytes) -> bytes:
    """Write the channel's reply with an archive that does not get smaller by packing."""
    form = {
        "version": "5.1.0",
        "encoding": "UTF-8",
        "signMethod": "01",
        "merId": settings.channel_merchant,
        "settleDate": f"{DAY:%m%d}",
        "respCode": "00",
        "fileContent": base64.b64encode(zlib.compress(archive, 0)).decode(),
    }
    return urlencode({**form, "signature": signing.sign(form)}).encode()


def channel(settings, clock, url: str) -> unionpay.UnionPay:
    urls = {**settings.partner_urls, "channel": url}
    return unionpay.connect(build(replace(settings, partner_urls=urls), clock))


def test_an_archive_of_five_megabytes_comes_whole(settings, clock):
    archive = os.urandom(5 * 1024 * 1024)

    with partner(answers(reply(answer(settings, archive)))) as there:
        got = channel(settings, clock, there.url).fetch_settlement(DAY)

    assert got == archive


def test_a_reply_beyond_the_largest_archive_is_not_taken_in(settings, clock, monkeypatch):
    monkeypatch.setattr(unionpay, "FILE_REPLY_BYTES_MAX", 1_000_000)

    with (
        partner(answers(reply(answer(settings, os.urandom(1_000_000))))) as there,
        pytest.raises(NoAnswer, match="larger than 1000000"),
    ):
        channel(settings, clock, there.url).fetch_settlement(DAY)
