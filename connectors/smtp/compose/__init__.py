"""From a template and its values to the bytes of one MIME message."""
