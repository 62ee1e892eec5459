"""Watching: what drifts, what goes bad, who colludes, whom it treats otherwise; and the alarms."""
