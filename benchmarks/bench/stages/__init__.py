"""Where the time of a call goes: what ``benchmarks/stages.py`` runs, counts and samples, and what belongs to which."""
