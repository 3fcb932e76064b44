"""Where a call goes: which deployment of a group, in which order, and what is made of its failures.

Decisions only: nothing here waits, reads a clock or draws a number that was not given to it.
"""
