"""The doors of disbursement: pages for finance staff, callbacks of channels."""
