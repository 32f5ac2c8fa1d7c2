"""What connectors that open connections have in common: dialling, TLS, HTTPS requests."""
