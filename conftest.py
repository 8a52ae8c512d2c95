"""For all tests: pytester, which only the root conftest.py may ask for."""

from __future__ import annotations

import signal

pytest_plugins = ["pytester"]

# A shell that starts a job in the background makes it ignore Ctrl-C, and so whatever the tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
