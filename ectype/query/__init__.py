"""Queries: the builder, its shapes, and their plans."""
