"""The wires of calls beside chat, tested with literals: values in, values out."""
