"""The next major: what both servers say, and what PostgreSQL's own pg_upgrade does on a copy."""
