"""What a config of the SMTP connector may say, and what is told where it is wrong."""
