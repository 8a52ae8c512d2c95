"""Backups off site: a folder elsewhere, or S3-compatible object storage."""
