"""``python -m pytest_pgsafe`` is ``pgsafe``, where the folder of scripts is not on the path."""

from __future__ import annotations

from .cli import main

main()
