"""Many dossiers at once: the decisions of `assessments.decide`, worked out in columns."""
