"""The runbook: backups that are kept, proven by restoring them, and restored for good."""
