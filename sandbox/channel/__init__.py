"""The payout channel: gateway, its own books, notices and the settlement file."""
