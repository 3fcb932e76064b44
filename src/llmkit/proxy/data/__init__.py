"""What is kept about people, keys and models, and the request log: SQLAlchemy. Money is not here; the ledger has it."""
