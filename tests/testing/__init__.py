"""The testing kit: each wire that the simulator speaks, seen by a client and byte by byte."""
