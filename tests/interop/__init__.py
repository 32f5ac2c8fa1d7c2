"""Mails sent through a host to real servers, compared with what the config says."""
