"""The ground under every page and every API: who may come in, how faults are told, how it looks."""
