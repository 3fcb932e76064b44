"""Answers that are kept: what a call says of it, what is kept of an exchange, and the flow of a call with a cache.

Nothing here stores or waits; the key is ``cache_key``'s, what stores do is named in ``_entries``.
"""
