"""Signing mails with DKIM (RFC 6376), by RSA and by Ed25519 (RFC 8463)."""
