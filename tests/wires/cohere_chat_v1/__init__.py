"""The wire of the first chat, tested with literals: values in, values out."""
