"""Flows and their rules, fed by hand: no driver, no network, no waiting."""
