"""Stratum over TCP and TLS, towards miners and towards pools."""
