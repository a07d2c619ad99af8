"""Stages, the strict notebook runner, freshness by content. Knows no statistics."""
