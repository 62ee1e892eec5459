"""Matching the books, the channel's file and the bank: tables in, pairs and differences out."""
