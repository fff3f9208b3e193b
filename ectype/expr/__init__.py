"""Expressions: nodes that are data, the operators that make them, and the functions of SQL."""
