"""A line with the step, a bar, bytes where they are known, and the step's seconds."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Column
from rich.text import Text

from ..backup.texts import size_of


class _Bytes(ProgressColumn):
    """How much was moved, of how much."""

    def render(self, task: Task) -> Text:
        done = int(task.completed)
        if task.total is None:
            return Text(size_of(done) if done else "")
        return Text(f"{size_of(done)} of {size_of(int(task.total))}")


def bars() -> Bars:
    """Return a display on standard error, which leaves nothing behind."""
    return Bars(
        # Of ASCII alone: not every terminal has more.
        SpinnerColumn("line"),
        TextColumn("pgsafe: {task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
        BarColumn(bar_width=20),
        _Bytes(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
