"""Speed as ratios to a bare counterpart, both measured in one run."""
