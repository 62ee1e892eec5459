"""Settings are checked whole, and production refuses every development part."""

from __future__ import annotations

import base64

import pytest

from kernel import config
from kernel.config import ConfigFaults


def key(letter: str) -> str:
    return base64.b64encode(letter.encode() * 32).decode()


def production(tmp_path) -> dict[str, str]:
    for name in ("merchant.pem", "channel.pub.pem", "batch.toml"):
        (tmp_path / name).write_text("a key of our own")
    return {
        "DAICHANG_ENV": "production",
        "DATABASE_URL": "postgresql+psycopg://daichang@db/daichang",
        "DAICHANG_SECRET_KEY": "x" * 40,
        "DAICHANG_SEAL_KEYS": f"2026a:{key('a')},2026b:{key('b')}",
        "DAICHANG_INDEX_KEY": key("c"),
        "DAICHANG_PARTNER_KEY": "partner-key-of-our-own",
        "DAICHANG_PUBLIC_URL": "https://apply.lender.example",
        "DAICHANG_CHANNEL_KEY": str(tmp_path / "merchant.pem"),
        "DAICHANG_CHANNEL_PUBLIC_KEY": str(tmp_path / "channel.pub.pem"),
        "DAICHANG_BATCH_KEYS": str(tmp_path / "batch.toml"),
        **{f"DAICHANG_{name.upper()}_URL": f"https://{name}.example" for name in config.PARTNERS},
    }


def test_an_empty_environment_is_development_with_the_sandbox():
    settings = config.read({})

    assert settings.environment == "development"
    assert settings.database_url is None
    assert set(settings.partner_urls.values()) == {config.SANDBOX_URL}


def test_production_runs_on_parts_of_its_own(tmp_path):
    assert config.read(production(tmp_path)).is_production


@pytest.mark.parametrize(
    "name",
    [
        "DATABASE_URL", "DAICHANG_SECRET_KEY", "DAICHANG_SEAL_KEYS", "DAICHANG_INDEX_KEY",
        "DAICHANG_PARTNER_KEY", "DAICHANG_PUBLIC_URL", "DAICHANG_CHANNEL_KEY",
        "DAICHANG_CHANNEL_PUBLIC_KEY", "DAICHANG_BATCH_KEYS", "DAICHANG_BUREAU_URL", "DAICHANG_CHANNEL_URL",
    ],
)  # fmt: skip
def test_production_refuses_each_development_part(tmp_path, name):
    environ = production(tmp_path)
    del environ[name]

    with pytest.raises(ConfigFaults) as refusal:
        config.read(environ)

    assert [fault.partition(":")[0] for fault in refusal.value.faults] == [name]


def test_all_faults_are_reported_at_once():
    with pytest.raises(ConfigFaults) as refusal:
        config.read(
            {
                "DAICHANG_ENV": "staging",
                "DATABASE_URL": "mysql://x",
                "DAICHANG_SEAL_KEYS": "k:short",
                "DAICHANG_SMS_URL": "ftp://x",
                "DAICHANG_LEASE_SECONDS": "1",
                "DAICHANG_JOB_SECONDS_MAX": "soon",
            }
        )

    assert {fault.partition(":")[0] for fault in refusal.value.faults} == {
        "DAICHANG_ENV", "DATABASE_URL", "DAICHANG_SEAL_KEYS", "DAICHANG_SMS_URL",
        "DAICHANG_LEASE_SECONDS", "DAICHANG_JOB_SECONDS_MAX",
    }  # fmt: skip


def test_jobs_keep_their_pace_unless_told_to_hurry():
    hasty = {"DAICHANG_LEASE_SECONDS": "3", "DAICHANG_JOB_SECONDS_MAX": "1"}

    usual, hurried = config.read({}), config.read(hasty)

    assert (usual.lease_seconds, usual.job_seconds_max) == (15, None)
    assert (hurried.lease_seconds, hurried.job_seconds_max) == (3, 1)


def test_settings_show_no_secret():
    shown = repr(config.read({}))

    assert config.DEVELOPMENT_SECRET not in shown
    assert config.SANDBOX_PARTNER_KEY not in shown
    assert "development seal key" not in shown
