"""Signatures of texts: near copies are found, honest texts are not, short ones are not judged."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from underwriting.graph import texts

NOTE = (
    "本人因公司裁员于今年三月失业，家中有老人需要照顾，目前暂时无力一次性偿还全部欠款，希望分期偿还"
)
OTHER = "去年做服装生意亏损，门店已关闭，现在跑外卖，每月收入约五千元，愿意按月还款，请给予延期办理的机会"


def keyed(run: str, key: bytes = b"key") -> str:
    return hmac.new(key, run.encode(), hashlib.sha256).hexdigest()


def signed(text: str) -> bytes:
    found = texts.signature(text, keyed=keyed)
    assert found is not None
    return found


def shares_a_band(one: str, other: str) -> bool:
    return bool(set(texts.bands(signed(one))) & set(texts.bands(signed(other))))


@pytest.mark.parametrize(
    "copy",
    [
        NOTE,
        NOTE.replace("，", " 。").replace("三月", "三 月"),
        NOTE.replace("今年三月失业", "今年3月失业"),
        NOTE.replace("老人", "小孩"),
        "尊敬的领导：" + NOTE,
    ],
)
def test_a_copy_with_other_marks_or_a_word_changed_shares_a_band(copy):
    assert shares_a_band(NOTE, copy)
    assert texts.likeness(signed(NOTE), signed(copy)) > 0.6


def test_another_persons_text_shares_none():
    assert not shares_a_band(NOTE, OTHER)
    assert texts.likeness(signed(NOTE), signed(OTHER)) < 0.2


def test_a_short_text_is_not_signed():
    assert texts.signature("失业了，没钱 2026-11-20 12345678901234567890", keyed=keyed) is None


def test_the_signature_needs_the_key():
    other_key = texts.signature(NOTE, keyed=lambda run: keyed(run, b"another"))

    assert other_key is not None
    assert len(other_key) == texts.SIGNATURE_BYTES
    assert texts.likeness(signed(NOTE), other_key) < 0.2


def test_likeness_estimates_the_share_of_common_runs():
    # 81 pairs each, of which 61 are common to both: 61 of 101 in all, 0.60.
    alphabet = [chr(0x4E00 + n) for n in range(500)]
    one, other = "".join(alphabet[:82]), "".join(alphabet[20:102])

    runs = [{text[i : i + 2] for i in range(len(text) - 1)} for text in (one, other)]
    truth = len(runs[0] & runs[1]) / len(runs[0] | runs[1])

    # Three standard errors of 60 places.
    assert abs(texts.likeness(signed(one), signed(other)) - truth) < 3 * (0.25 / 60) ** 0.5
