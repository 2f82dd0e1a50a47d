"""The Gemini domain: the client, structured generation, models and when they end."""
