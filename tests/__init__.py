"""The tests of connector-core."""
