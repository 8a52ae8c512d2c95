"""Rehearse PostgreSQL migrations on a restored backup, and fail the test run on what they would harm."""

__version__ = "0.1.0"
