"""Stores: what performs the operations of ``_operations``. Only here are their drivers imported."""
