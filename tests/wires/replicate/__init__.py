"""The wire for Replicate, tested with literals: values in, values out."""
