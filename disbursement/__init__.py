"""The money: products and schedules, ledger, payouts, loans, statements, reconciliation."""
