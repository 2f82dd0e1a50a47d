"""Row writers (JSONL, CSV, XLSX) and the one HTML page that every report is made with."""
