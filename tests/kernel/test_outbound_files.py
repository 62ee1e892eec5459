"""A whole file of a day may be larger than a message; it is bounded all the same."""

from __future__ import annotations

import pytest

from kernel.outbound import NoAnswer, Outbound
from tests.kernel.partner import answers, partner, reply

BIG = b"x" * 5_000_000


def test_a_file_larger_than_a_message_comes_whole_and_one_larger_than_a_file_does_not():
    with partner(answers(reply(BIG))) as there:
        way = Outbound(there.url, headers=dict)
        fits, short = way.for_files(bytes_max=5_000_000), way.for_files(bytes_max=4_999_999)
        with pytest.raises(NoAnswer, match="larger than 4194304"):
            way.get("/day")

        whole = fits.get("/day")
        with pytest.raises(NoAnswer) as raised:
            short.get("/day")
        for each in (way, fits, short):
            each.close()

    assert len(whole.body) == 5_000_000
    assert raised.value.reason == "the reply is larger than 4999999 bytes"
