"""The tables of the underwriting floor: columns, constraints and statuses, no behaviour."""
