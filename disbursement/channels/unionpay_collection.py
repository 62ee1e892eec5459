"""UnionPay's collections (代收) on the gateway that payouts use: the same form, keys and query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from disbursement.channels import unionpay
from disbursement.channels.channel import OrderKey, Receipt
from disbursement.channels.collection import Debit
from disbursement.channels.unionpay import UnionPay
from disbursement.records.payouts import EvidenceKind
from kernel.surroundings import Surroundings

_BUSINESS: Final = "000501"
_OURS: Final = frozenset({"10", "11", "30"})
"""Refused for a reason on our side. 64, ours for a payout, here is the debtor's card short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnionPayCollection:
    """One merchant's way to collect by UnionPay."""

    gateway: UnionPay

    @property
    def name(self) -> str:
        """The channel's name."""
        return self.gateway.name

    def collect(self, debit: Debit) -> Receipt:
        """Ask for a collection once; whatever goes wrong is an unknown outcome."""
        form = {
            "txnType": "11",
            "txnSubType": "00",
            "bizType": _BUSINESS,
            "channelType": "07",
            "txnAmt": str(debit.amount.fen),
            "currencyCode": "156",
            **self.gateway.holder(debit.card, debit.payer),
        }
        return self._ask(EvidenceKind.COLLECT, unionpay.ORDER_PATH, debit.key, form)

    def query(self, key: OrderKey) -> Receipt:
        """Ask where a collection stands; whatever goes wrong is an unknown outcome."""
        form = {"txnType": "00", "txnSubType": "00", "bizType": _BUSINESS}
        return self._ask(EvidenceKind.QUERY, unionpay.QUERY_PATH, key, form)

    def _ask(
        self, kind: EvidenceKind, path: str, key: OrderKey, form: Mapping[str, str]
    ) -> Receipt:
        receipt = self.gateway.ask(kind, path, key, form)
        return replace(receipt, is_ours=receipt.code in _OURS)


def connect(surroundings: Surroundings) -> UnionPayCollection:
    """Make the way to collect by UnionPay that the settings describe.

    Raises:
        BadKey: a key file holds no usable key.
    """
    return UnionPayCollection(gateway=unionpay.connect(surroundings))
