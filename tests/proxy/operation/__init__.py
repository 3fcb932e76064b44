"""Tests of what the proxy says of itself."""
