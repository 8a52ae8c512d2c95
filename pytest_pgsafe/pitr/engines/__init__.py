"""Repositories of pgBackRest and Barman: restored by their own programs, recovered by PostgreSQL, looked at by us."""
