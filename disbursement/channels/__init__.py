"""The ways money leaves by: one protocol, and an adapter for each channel."""
