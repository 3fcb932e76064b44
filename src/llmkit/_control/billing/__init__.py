"""Billing: what is decided about entitlements, events and their delivery. Nothing here waits, reads a clock, or is
random.
"""
