"""Keys, users, teams, organisations, budgets, models and spend, under LiteLLM's paths: FastAPI."""
