"""Words to a Batch job: reader (offline or Gemini) -> draft -> job, with evidence and questions."""
