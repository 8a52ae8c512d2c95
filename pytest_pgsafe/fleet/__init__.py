"""Many databases, one migration: who they are, what became of each, and what is told of all."""
