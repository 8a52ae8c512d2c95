"""The migration broken off and run again: it has to end where the uninterrupted one ended."""
