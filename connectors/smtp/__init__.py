"""The SMTP connector: sends each message as an e-mail through an SMTP server (RFC 5321)."""
