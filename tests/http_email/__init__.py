"""The HTTP e-mail connector, against webhooks that listen on loopback."""
