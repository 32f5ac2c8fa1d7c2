"""The host file, `connectors.toml`: configured connectors, their routes and shared templates."""
