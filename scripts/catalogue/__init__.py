"""Builds the catalogue's data out of two public price lists and an overlay kept by hand.

``sources`` reads them, ``from_litellm`` and ``from_genai`` turn them into rows, ``merge`` compares,
``judge`` refuses what cannot be, ``write`` spells the files. Figures and facts are taken, no text.
"""
