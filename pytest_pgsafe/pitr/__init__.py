"""Point in time: WAL archives, base backups, and recoveries that are rehearsed."""
