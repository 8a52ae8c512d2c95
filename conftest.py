"""For all tests: pytester, which only the root conftest.py may ask for."""

from __future__ import annotations

pytest_plugins = ["pytester"]
