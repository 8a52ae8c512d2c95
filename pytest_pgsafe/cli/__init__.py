"""The console command ``pgsafe``: the runbook, for what is not a test."""

from __future__ import annotations

from .main import main, run

__all__ = ["main", "run"]
