"""Wires of transcription and speech."""
