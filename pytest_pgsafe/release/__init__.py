"""What the release that is still running does, tried on the copy before the migration and on the copy after it."""
