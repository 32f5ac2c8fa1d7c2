"""The messages and their translations."""
