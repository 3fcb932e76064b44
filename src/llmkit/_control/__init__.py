"""Flows and rules: what is decided about a call. They decide and never wait; no socket, no clock of their own."""
