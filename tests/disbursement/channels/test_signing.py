"""The three signers: the standards' own examples, keys that change, and keys that run out."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import gmalg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from disbursement.channels import hmac_sha256, signing, sm2
from disbursement.channels.signing import BadKey

DAY = date(2026, 11, 20)
FORM = {"orderId": "a1" * 16, "txnAmt": "900000", "empty": ""}

# GM/T 0003.5-2012, the worked example on the recommended curve.
SECRET = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"
POINT = (
    "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
NONCE = "59276e27d506861a16680f3ad9c02dccef3cc1fa3cdbe4ce6d54b80deac1bc21"
R = "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
S = "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"


def key_file(folder: Path, *, ours: str = SECRET, channel: str = POINT, until: str = "") -> Path:
    """Write a key file with one key in each part; `until` is a line for the channel's."""
    path = folder / "keys.toml"
    path.write_text(
        f'[[ours]]\nname = "2026a"\nkey = "{ours}"\n'
        f'[[channel]]\nname = "bank-1"\nkey = "{channel}"\n{until}\n'
    )
    return path


def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def public_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def certificate_pem(key: rsa.RSAPrivateKey, *, first: date, last: date) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the channel")])
    begins = datetime(first.year, first.month, first.day, tzinfo=UTC)
    ends = datetime(last.year, last.month, last.day, 12, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(ends)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def rsa_signer(folder: Path, own: rsa.RSAPrivateKey, *channel: bytes, behind: bytes = b""):
    (folder / "own.pem").write_bytes(private_pem(own) + behind)
    (folder / "channel.pem").write_bytes(b"".join(channel))
    return signing.load(folder / "own.pem", folder / "channel.pem")


def signed(signer, form=FORM) -> dict[str, str]:
    return {**form, "signature": signer.sign(form)}


def test_the_signature_of_the_standards_example_comes_out_to_the_bit():
    engine = gmalg.SM2(
        bytes.fromhex(SECRET),
        sm2.USER_ID,
        bytes.fromhex(POINT),
        rnd_fn=lambda _: int(NONCE, 16),
    )

    r, s = engine.sign(b"message digest")

    assert (r.hex(), s.hex()) == (R, S)


def test_the_standards_signature_is_verified_and_one_bit_less_is_not():
    engine = gmalg.SM2(None, sm2.USER_ID, bytes.fromhex(POINT))
    r, s = bytes.fromhex(R), bytes.fromhex(S)

    assert engine.verify(b"message digest", r, s)
    assert not engine.verify(b"message digest", r, (int(S, 16) ^ 1).to_bytes(32))
    assert not engine.verify(b"message digesu", r, s)


@pytest.mark.parametrize(
    ("message", "digest"),
    [
        # GM/T 0004-2012, appendix A: examples 1 and 2.
        (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
    ],
)
def test_the_digests_of_the_standards_examples_come_out(message, digest):
    engine = gmalg.SM3()
    engine.update(message)

    assert engine.value().hex() == digest


@given(st.binary(max_size=300))
def test_two_implementations_of_the_digest_agree(message):
    engine, other = gmalg.SM3(), hashes.Hash(hashes.SM3())
    engine.update(message)
    other.update(message)

    assert engine.value() == other.finalize()


def test_a_form_signed_by_sm2_is_known_and_a_changed_one_is_not(tmp_path):
    signer = sm2.load(key_file(tmp_path))

    form = signed(signer)

    assert signer.is_signed(form, on=DAY)
    assert not signer.is_signed({**form, "txnAmt": "900001"}, on=DAY)
    assert not signer.is_signed({**form, "more": "1"}, on=DAY)


def test_every_sm2_signature_has_64_bytes_even_when_a_number_is_small(tmp_path, monkeypatch):
    # r and s begin with a zero byte once in 128 signatures; the library drops it.
    signer = sm2.load(key_file(tmp_path))
    monkeypatch.setattr(gmalg.SM2, "sign", lambda *_: (b"\x01", b"\x02"))

    raw = base64.b64decode(signer.sign(FORM))

    assert raw == b"\0" * 31 + b"\x01" + b"\0" * 31 + b"\x02"


@pytest.mark.parametrize("signature", ["", "!", "AAAA", base64.b64encode(b"\0" * 64).decode()])
def test_what_is_no_signature_is_none(tmp_path, signature):
    for signer in (
        sm2.load(key_file(tmp_path)),
        hmac_sha256.load(key_file(tmp_path, ours="aa" * 32, channel="bb" * 32)),
        rsa_signer(tmp_path, rsa_key(), public_pem(rsa_key())),
    ):
        assert not signer.is_signed({**FORM, "signature": signature}, on=DAY)


@pytest.mark.parametrize(
    "changed",
    [
        {"ours": "00" * 32},
        {"ours": "aa"},
        {"channel": "00"},
        {"channel": "04" + "11" * 64},
        {"channel": "02" + "11" * 32},
        {"channel": "xy"},
    ],
)
def test_an_sm2_key_that_is_none_is_refused_without_saying_what_stood_there(tmp_path, changed):
    with pytest.raises(BadKey) as refusal:
        sm2.load(key_file(tmp_path, **changed))

    assert "11" not in str(refusal.value)


def test_hmac_is_known_by_the_secret_of_its_direction_alone(tmp_path):
    here = hmac_sha256.load(key_file(tmp_path, ours="aa" * 32, channel="bb" * 32))
    there = hmac_sha256.load(key_file(tmp_path, ours="bb" * 32, channel="aa" * 32))

    form = signed(there)

    assert here.is_signed(form, on=DAY)
    assert not here.is_signed({**form, "txnAmt": "1"}, on=DAY)
    assert not here.is_signed(signed(here), on=DAY)


def test_the_hmac_is_that_of_rfc_2104_made_by_hand_from_two_digests(tmp_path):
    key = bytes.fromhex("aa" * 32)
    inner = hashlib.sha256(bytes(k ^ 0x36 for k in key.ljust(64, b"\0")) + b"a=1").digest()
    expected = hashlib.sha256(bytes(k ^ 0x5C for k in key.ljust(64, b"\0")) + inner).digest()
    signer = hmac_sha256.load(key_file(tmp_path, ours="aa" * 32, channel="bb" * 32))

    assert base64.b64decode(signer.sign({"a": "1"})) == expected


@pytest.mark.parametrize("pair", [("aa" * 31, "bb" * 32), ("aa" * 32, "aa" * 32)])
def test_a_short_or_shared_secret_is_refused(tmp_path, pair):
    with pytest.raises(BadKey):
        hmac_sha256.load(key_file(tmp_path, ours=pair[0], channel=pair[1]))


def test_while_the_channel_changes_its_key_both_are_known_and_the_newest_encrypts(tmp_path):
    ours, old, new = rsa_key(), rsa_key(), rsa_key()
    signer = rsa_signer(tmp_path, ours, public_pem(new), public_pem(old))

    by_old = signed(rsa_signer(tmp_path, old, public_pem(ours)))
    by_new = signed(rsa_signer(tmp_path, new, public_pem(ours)))
    by_a_stranger = signed(rsa_signer(tmp_path, rsa_key(), public_pem(ours)))

    assert signer.is_signed(by_old, on=DAY)
    assert signer.is_signed(by_new, on=DAY)
    assert not signer.is_signed(by_a_stranger, on=DAY)
    secret = base64.b64decode(signer.encrypt("622575"))
    assert new.decrypt(secret, signing._PADDING) == b"622575"


def test_a_key_whose_certificate_has_run_out_or_not_begun_proves_nothing(tmp_path):
    ours, channel = rsa_key(), rsa_key()
    paper = certificate_pem(channel, first=date(2026, 1, 1), last=date(2026, 12, 31))
    signer = rsa_signer(tmp_path, ours, paper)

    form = signed(rsa_signer(tmp_path, channel, public_pem(ours)))

    assert signer.is_signed(form, on=date(2026, 12, 31))
    assert not signer.is_signed(form, on=date(2027, 1, 1))
    assert not signer.is_signed(form, on=date(2025, 12, 31))


def test_an_sm2_key_with_a_last_day_proves_nothing_after_it(tmp_path):
    signer = sm2.load(key_file(tmp_path, until="until = 2026-11-20"))
    form = signed(signer)

    assert signer.is_signed(form, on=DAY)
    assert not signer.is_signed(form, on=DAY + timedelta(days=1))


def test_keys_that_run_out_soon_are_named_and_others_are_not(tmp_path):
    ours, old, new = rsa_key(), rsa_key(), rsa_key()
    signer = rsa_signer(
        tmp_path,
        ours,
        certificate_pem(new, first=date(2026, 11, 1), last=date(2028, 11, 1)),
        certificate_pem(old, first=date(2024, 1, 1), last=date(2026, 12, 1)),
        behind=certificate_pem(ours, first=date(2024, 1, 1), last=date(2026, 11, 19)),
    )

    # 20 November to 1 December is 11 days; our own ran out yesterday.
    soon = signing.expiring(signer.terms, on=DAY, days=30)

    assert [(one.is_ours, one.until) for one in soon] == [
        (True, date(2026, 11, 19)),
        (False, date(2026, 12, 1)),
    ]


@pytest.mark.parametrize("content", [b"", b"no keys", b"-----BEGIN PUBLIC KEY-----\nxx\n"])
def test_a_file_without_keys_is_refused(tmp_path, content):
    (tmp_path / "own.pem").write_bytes(private_pem(rsa_key()))
    (tmp_path / "channel.pem").write_bytes(content)

    with pytest.raises(BadKey):
        signing.load(tmp_path / "own.pem", tmp_path / "channel.pem")


def test_more_keys_than_can_be_meant_are_refused(tmp_path):
    with pytest.raises(BadKey):
        rsa_signer(tmp_path, rsa_key(), *[public_pem(rsa_key())] * 5)
