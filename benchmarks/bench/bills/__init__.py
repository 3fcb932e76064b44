"""Billing beside others': who takes part, what is done to them, and what comes of it at a fake Lago."""
