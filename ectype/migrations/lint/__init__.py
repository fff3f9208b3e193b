"""Reads what migrations would do, and says what of it loses data, locks tables or breaks the release before."""
