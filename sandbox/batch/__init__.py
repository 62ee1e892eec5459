"""The bank that takes payouts by file: its desk, its own books, and its files."""
