"""The wire for watsonx.ai, tested with literals: values in, values out."""
