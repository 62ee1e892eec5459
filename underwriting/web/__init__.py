"""The door of the risk staff: decisions, reviews, replays and models on pages."""
