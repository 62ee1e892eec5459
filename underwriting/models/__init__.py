"""Models: trained by a spec, kept as an artifact with a birth certificate, loaded fail-closed."""
