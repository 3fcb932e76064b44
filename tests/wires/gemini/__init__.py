"""The generateContent wire, tested with literals: values in, values out."""
