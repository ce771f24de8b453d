"""Errors, files that appear whole, locks, reading of untrusted files."""
