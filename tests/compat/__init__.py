"""Other libraries' spellings."""
