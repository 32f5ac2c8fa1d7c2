"""Connectors that each break one point of the contract, by the check that must see it."""
