"""What a rehearsal found, for people and for tools: terminal, JSON, Markdown, HTML. Pure: results in, text out."""
