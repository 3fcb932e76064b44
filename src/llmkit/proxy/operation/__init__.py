"""Health, metrics, logs, the request log, serving."""
