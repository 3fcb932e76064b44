"""The OpenAI chat wire. ``fixtures`` holds answers in both forms, whole and streamed, as hosts send them."""
