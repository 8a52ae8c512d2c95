"""Which statement did what: statements and event triggers beside the changes that were found (pure)."""
