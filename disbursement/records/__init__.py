"""The tables of the disbursement floor: columns, constraints and statuses, no behaviour."""
