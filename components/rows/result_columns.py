"""The columns of the results, which a workbook shows already before there are any."""

from __future__ import annotations

from components.tables.columns import Column

COLUMNS = (
    Column("row", "Row", "integer", 8),
    Column("id", "Id", "text", 16),
    Column("status", "Status", "state", 11),
    Column("prompt", "Prompt", "text", 40),
    Column("text", "Answer", "long", 80),
    Column("reason", "Reason", "text", 30),
    Column("model", "Model", "text", 20),
    Column("finish_reason", "Finish reason", "text", 14),
    Column("prompt_tokens", "Prompt tokens", "integer", 13),
    Column("output_tokens", "Output tokens", "integer", 13),
    Column("thinking_tokens", "Thinking tokens", "integer", 14),
    Column("cached_tokens", "Cached tokens", "integer", 13),
    Column("cost_usd", "Cost (USD)", "number", 12),
    Column("attempts", "Attempts", "integer", 9),
    Column("matched_by", "Matched by", "text", 11),
    Column("model_version", "Model version", "text", 20),
    Column("source", "Source", "text", 20),
    Column("line", "Line", "integer", 8),
)
