"""What applications have in common: links by keyed digests, the rings they form, their figures."""
