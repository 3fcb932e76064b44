"""Providers whose address or credential takes more than a row."""
