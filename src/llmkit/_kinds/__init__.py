"""The kinds of call of a ``Client``, one module each: names, signatures and what they return, in both colours.

Their types are for type checkers only: a client loads those of the calls that are made.
"""
