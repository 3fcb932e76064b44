"""The module's functions, over one lazy default ``Client``: each kind of call has a file of its own here."""
