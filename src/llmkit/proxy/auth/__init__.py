"""Who asks: keys, tokens, sessions, and what their bearers may."""
