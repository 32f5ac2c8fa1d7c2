"""What connectors that write e-mails have in common: addresses, headers, templates of a config."""
