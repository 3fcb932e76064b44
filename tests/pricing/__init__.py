"""What calls cost at most, and what they did cost."""
