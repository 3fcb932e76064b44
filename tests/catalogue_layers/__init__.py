"""The catalogue's layers, files and bundles."""
