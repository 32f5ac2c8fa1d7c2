"""What connectors that open connections have in common."""
