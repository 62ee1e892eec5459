"""Readers of statement files: bytes in, frozen lines out, and a faulty file is refused whole."""
