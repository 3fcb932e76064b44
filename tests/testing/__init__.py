"""What `llmkit.testing` offers, seen by its users: official SDKs, llmkit itself, and a bare socket."""
