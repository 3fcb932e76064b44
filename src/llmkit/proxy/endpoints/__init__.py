"""What models are asked through: each front and each kind of call at its paths."""
