"""Migrations of the database: one head, forward only."""
