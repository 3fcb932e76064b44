"""The instrument behind ``benchmarks/run.py``: a server, contestants, rounds, and what is made of the samples.

Standard library only: ``worker`` and ``contestants`` also run under the contestants' own interpreters.
"""
