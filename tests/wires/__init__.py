"""Each wire with literals and small fixtures: no socket, no provider."""
