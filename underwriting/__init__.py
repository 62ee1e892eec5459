"""How much, at what price, and why: the assessment of one application."""
