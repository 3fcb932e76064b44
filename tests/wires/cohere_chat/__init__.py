"""The wire of the second chat, tested with literals: values in, values out."""
