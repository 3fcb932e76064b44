"""The Anthropic messages wire, tested with literals: no socket, no clock."""
