"""Features: one definition each, for training and for scoring alike."""
