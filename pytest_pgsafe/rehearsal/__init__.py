"""The whole way: restore, snapshot, migrate, snapshot, compare, check, roll back."""
