"""Tests of the wire for Ollama's own chat."""
