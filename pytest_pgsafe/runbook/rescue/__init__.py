"""The rescue of tables: what a transaction took away is found in the WAL, recovered, and put back."""
