"""One statement prepared and planned on one copy, whatever the values of its parameters are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import psycopg

from ..snapshot.expressions import literal
from ..works.side import Side, answer
from ..works.values import Answer
from .values import Planned

#: PREPARE knows no rollback: each statement has a name of its own in the session.
_NAME = "pgsafe_{}"
_COUNT = "SELECT pg_catalog.cardinality(parameter_types) FROM pg_catalog.pg_prepared_statements WHERE name = {}"


class Preparing:
    """Prepare statements in a copy's session; a context manager, after which none of them is left."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self._number = 0

    def __enter__(self) -> Preparing:
        return self

    def __exit__(self, *_: object) -> None:
        self.side.run("DEALLOCATE ALL")

    def plan(self, readings: Iterable[str], settings: Sequence[str]) -> Planned | Answer:
        """Plan the first of several readings that the server takes.

        :returns: the plan, or what the server said of the reading that came furthest.
        """
        told: list[Answer] = []
        for text in readings:
            found = self._plan(text, settings)
            if isinstance(found, Planned):
                return found
            told.append(found)
        # One that is no syntax error was understood.
        understood = (one for one in told if one.error is None or one.error.state != "42601")
        return next(understood, told[0])

    def prepare(self, text: str) -> str:
        """Prepare a statement within what is tried, and return its name.

        :raises psycopg.Error: as the server says it.
        """
        self._number += 1
        name = _NAME.format(self._number)
        self.side.run(f"PREPARE {name} AS {text}")
        return name

    def _plan(self, text: str, settings: Sequence[str]) -> Planned | Answer:
        try:
            with self.side.trying():
                for one in settings:
                    self.side.run(one)
                name = self.prepare(text)
                [(number,)] = self.side.rows(_COUNT.format(literal(name)))
                parameters = int(str(number))
                self.side.run("SET LOCAL plan_cache_mode = force_generic_plan")
                values = f"({', '.join(['NULL'] * parameters)})" if parameters else ""
                plan = self._explained(f"{name}{values}")
                # Prepared once more: a plan is kept, whatever is set later.
                self.side.run("SET LOCAL enable_seqscan = off")
                served = self._explained(f"{self.prepare(text)}{values}")
        except psycopg.Error as error:
            return answer(error)
        return Planned(text=text, parameters=parameters, plan=plan, served=served)

    def _explained(self, execution: str) -> Mapping[str, object]:
        [(plan,)] = self.side.rows(f"EXPLAIN (FORMAT JSON, VERBOSE) EXECUTE {execution}")
        [root] = cast("list[Mapping[str, Mapping[str, object]]]", plan)
        return root["Plan"]
