"""The report of a fleet: its table first, each member's own report behind it (pure)."""
