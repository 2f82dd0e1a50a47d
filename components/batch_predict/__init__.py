"""Send shards of requests to Gemini as batch prediction jobs, and again what came back broken."""
