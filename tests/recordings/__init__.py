"""Real provider traffic, replayed. ``LLMKIT_RECORDINGS`` names the directory; none is kept."""
