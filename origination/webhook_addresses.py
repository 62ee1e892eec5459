"""Where a webhook may lead: to the public internet, never into our own network.

An agency writes the address itself, so it is judged twice: when it is written down, and at every
call by the number that was really connected to, whatever the name said a moment before.
"""

from __future__ import annotations

from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from kernel.refusals import FieldFault, Refused

ADDRESS_MAX: Final = 500
_CARRIES_IPV4: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("2002::/16"))
"""Translated and tunnelled addresses: what is inside them may be private."""


class WebhookAddressRefused(Refused):
    """The address is none we may call."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "webhook_address_refused"
    title = "Give an https address on the public internet"
    title_zh = "请填写公网 https 地址"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, faults=(FieldFault("/webhook_url", detail),))


def require(address: str, *, anywhere: bool) -> str:
    """Give an address back that may be written down; `anywhere` is for laptops and tests.

    Raises:
        WebhookAddressRefused: with what to change about it.
    """
    if len(address) > ADDRESS_MAX or not address.isascii() or not address.isprintable():
        raise WebhookAddressRefused(f"at most {ADDRESS_MAX} plain characters")
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise WebhookAddressRefused("this is no address") from None
    if parts.scheme != "https" and not (anywhere and parts.scheme == "http"):
        raise WebhookAddressRefused("the address begins with https://")
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        raise WebhookAddressRefused(
            "the address has a host, and no user name, password or fragment"
        )
    if not anywhere and (_is_private_number(host) or "." not in host.strip(".")):
        raise WebhookAddressRefused("the host is on the public internet")
    return address


def is_public(number: str) -> bool:
    """Tell whether a numeric address is on the public internet."""
    try:
        found = ip_address(number.partition("%")[0])
    except ValueError:
        return False
    return _is_public(found)


def _is_private_number(host: str) -> bool:
    try:
        return not _is_public(ip_address(host))
    except ValueError:
        return False


def _is_public(found: IPv4Address | IPv6Address) -> bool:
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return _is_public(found.ipv4_mapped)
        if any(found in network for network in _CARRIES_IPV4):
            return False
    return found.is_global and not found.is_multicast and not found.is_reserved
