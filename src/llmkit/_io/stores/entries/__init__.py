"""Stores of a cache's entries, one module for each place where they are kept. Each performs what ``_entries`` names."""
