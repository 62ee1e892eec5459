"""Settings from the environment, checked whole: every fault is reported at once."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

REPOSITORY: Final = Path(__file__).resolve().parent.parent
SANDBOX_URL: Final = "http://127.0.0.1:8901"
SANDBOX_PARTNER_KEY: Final = "sandbox-key"
DEVELOPMENT_SEAL_KEY: Final = base64.b64encode(b"daichang development seal key 01").decode()
DEVELOPMENT_INDEX_KEY: Final = base64.b64encode(b"daichang development index key 1").decode()
DEVELOPMENT_SECRET: Final = "development-only-secret-never-in-production"  # noqa: S105 - production refuses it
ENVIRONMENTS: Final = ("development", "test", "production")


class ConfigFaults(Exception):
    """The environment cannot be used; lists every fault found, not only the first."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a process of ours needs to know about where it runs."""

    environment: str
    home: Path
    """Folder of the embedded database and of files made at run time."""
    database_url: str | None
    """None means the embedded PostgreSQL under `home`."""
    secret_key: str = field(repr=False)
    seal_keys: Mapping[str, bytes] = field(repr=False)
    """Key id to 32-byte AES key; the last one seals, all open."""
    index_key: bytes = field(repr=False)
    partner_urls: Mapping[str, str]
    """Base URL of each outside partner by name."""
    partner_key: str = field(repr=False)
    public_url: str
    """Where debtors and the channel's notices reach us."""
    channel_merchant: str
    channel_merchant_key: Path
    channel_public_key: Path
    batch_customer: str
    """Our number at the bank that takes payouts by file."""
    batch_keys: Path
    """Our and its SM2 keys, in TOML."""
    funding_account: str
    batch_account: str
    """The account that payouts by file are drawn on."""
    lease_seconds: int = 15
    """How long a scheduler that has died keeps the others from taking over."""
    job_seconds_max: int | None = None
    """No job waits longer than this between two runs; None leaves each its own pace."""

    @property
    def is_production(self) -> bool:
        """Whether sandbox parts, default secrets and set clocks are refused."""
        return self.environment == "production"


PARTNERS: Final = (
    "channel",
    "batch",
    "bank",
    "issuers",
    "bureau",
    "income",
    "watchlists",
    "identity",
    "sms",
)


def read(environ: Mapping[str, str]) -> Settings:
    """Read and check the settings.

    Raises:
        ConfigFaults: something is malformed, or production would run on development parts.
    """
    faults: list[str] = []

    def take(name: str, default: str, check: Callable[[str], str | None]) -> str:
        value = environ.get(name, default)
        complaint = check(value)
        if complaint:
            faults.append(f"{name}: {complaint}")
        return value

    environment = take("DAICHANG_ENV", "development", _one_of(ENVIRONMENTS))
    settings = Settings(
        environment=environment,
        home=Path(environ.get("DAICHANG_HOME", REPOSITORY / "var")),
        database_url=take("DATABASE_URL", "", _database_url) or None,
        secret_key=take("DAICHANG_SECRET_KEY", DEVELOPMENT_SECRET, _at_least(32)),
        seal_keys=_keyring(take("DAICHANG_SEAL_KEYS", f"dev1:{DEVELOPMENT_SEAL_KEY}", _seal_keys)),
        index_key=_decoded(take("DAICHANG_INDEX_KEY", DEVELOPMENT_INDEX_KEY, _key_of_32)),
        partner_urls={
            name: take(f"DAICHANG_{name.upper()}_URL", SANDBOX_URL, _http_url) for name in PARTNERS
        },
        partner_key=take("DAICHANG_PARTNER_KEY", SANDBOX_PARTNER_KEY, _at_least(8)),
        public_url=take("DAICHANG_PUBLIC_URL", "http://127.0.0.1:8900", _http_url),
        channel_merchant=take("DAICHANG_CHANNEL_MERCHANT", "777290058110097", _merchant),
        channel_merchant_key=Path(
            take("DAICHANG_CHANNEL_KEY", str(REPOSITORY / "sandbox/keys/merchant.pem"), _file)
        ),
        channel_public_key=Path(
            take(
                "DAICHANG_CHANNEL_PUBLIC_KEY",
                str(REPOSITORY / "sandbox/keys/channel.pub.pem"),
                _file,
            )
        ),
        batch_customer=take("DAICHANG_BATCH_CUSTOMER", "800100002001", _merchant),
        batch_keys=Path(
            take("DAICHANG_BATCH_KEYS", str(REPOSITORY / "sandbox/keys/batch_customer.toml"), _file)
        ),
        funding_account=take("DAICHANG_FUNDING_ACCOUNT", "622000000001", _merchant),
        batch_account=take("DAICHANG_BATCH_ACCOUNT", "622000000002", _merchant),
        lease_seconds=_whole(take("DAICHANG_LEASE_SECONDS", "15", _between(2, 300))) or 15,
        job_seconds_max=_whole(take("DAICHANG_JOB_SECONDS_MAX", "", _between(1, 86_400))),
    )
    if environment == "production":
        faults.extend(_production_faults(settings))
    if faults:
        raise ConfigFaults(faults)
    return settings


def _production_faults(settings: Settings) -> list[str]:
    faults = []
    if settings.database_url is None:
        faults.append("DATABASE_URL: production does not run on the embedded database")
    if settings.secret_key == DEVELOPMENT_SECRET:
        faults.append("DAICHANG_SECRET_KEY: the development secret is public")
    if _decoded(DEVELOPMENT_SEAL_KEY) in settings.seal_keys.values():
        faults.append("DAICHANG_SEAL_KEYS: the development key is public")
    if settings.index_key == _decoded(DEVELOPMENT_INDEX_KEY):
        faults.append("DAICHANG_INDEX_KEY: the development key is public")
    if settings.partner_key == SANDBOX_PARTNER_KEY:
        faults.append("DAICHANG_PARTNER_KEY: the sandbox key is public")
    faults.extend(
        f"DAICHANG_{name.upper()}_URL: production speaks https to a real partner"
        for name, url in settings.partner_urls.items()
        if urlsplit(url).scheme != "https"
    )
    if urlsplit(settings.public_url).scheme != "https":
        faults.append("DAICHANG_PUBLIC_URL: production is reached by https")
    sandbox_keys = REPOSITORY / "sandbox" / "keys"
    faults.extend(
        f"{name}: the sandbox's key is public"
        for name, path in (
            ("DAICHANG_CHANNEL_KEY", settings.channel_merchant_key),
            ("DAICHANG_CHANNEL_PUBLIC_KEY", settings.channel_public_key),
            ("DAICHANG_BATCH_KEYS", settings.batch_keys),
        )
        if path.resolve().is_relative_to(sandbox_keys)
    )
    return faults


def _one_of(allowed: tuple[str, ...]) -> Callable[[str], str | None]:
    return lambda value: None if value in allowed else f"must be one of {', '.join(allowed)}"


def _at_least(length: int) -> Callable[[str], str | None]:
    return lambda value: None if len(value) >= length else f"must have at least {length} characters"


def _database_url(value: str) -> str | None:
    if not value or value.startswith("postgresql+psycopg://"):
        return None
    return "must begin with postgresql+psycopg://"


def _http_url(value: str) -> str | None:
    parts = urlsplit(value)
    if parts.scheme in {"http", "https"} and parts.hostname:
        return None
    return "must be an http or https address"


def _merchant(value: str) -> str | None:
    return None if re.fullmatch(r"\d{6,32}", value) else "must be 6 to 32 digits"


def _between(least: int, most: int) -> Callable[[str], str | None]:
    def check(value: str) -> str | None:
        number = _whole(value)
        is_fine = not value or (number is not None and least <= number <= most)
        return None if is_fine else f"must be a whole number from {least} to {most}"

    return check


def _whole(value: str) -> int | None:
    return int(value) if re.fullmatch(r"[0-9]{1,6}", value) else None


def _file(value: str) -> str | None:
    return None if Path(value).is_file() else f"no file at {value}"


def _key_of_32(value: str) -> str | None:
    try:
        length = len(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        return "must be Base64"
    return None if length == 32 else "must decode to 32 bytes"


def _seal_keys(value: str) -> str | None:
    for pair in value.split(","):
        name, _, key = pair.partition(":")
        if not re.fullmatch(r"[a-z0-9]{1,8}", name):
            return "each key is named by 1 to 8 small letters or digits, as in 2026a:<Base64>"
        complaint = _key_of_32(key)
        if complaint:
            return f"key {name} {complaint}"
    return None


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _keyring(value: str) -> dict[str, bytes]:
    pairs = (pair.partition(":") for pair in value.split(","))
    return {name: _decoded(key) for name, _, key in pairs}
