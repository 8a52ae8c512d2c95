"""What worked before the migration, tried on the copy before it and on the copy after it."""
