"""LiteLLM's place for types; ``utils`` has the answers."""
