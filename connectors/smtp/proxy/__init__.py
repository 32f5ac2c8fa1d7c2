"""Connections through a proxy: HTTP CONNECT and SOCKS."""
