"""The outside world on a laptop: one process plays every partner; the wire is docs/sandbox.md."""
