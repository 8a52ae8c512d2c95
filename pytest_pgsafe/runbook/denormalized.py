"""What a team's rules about denormalised columns say of a source at the moment of its backup.

A backup is never refused for a rule: what is broken already is told, and so is a rule that cannot be evaluated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..backup.texts import Followed
from ..config.values import Settings
from ..errors import PgsafeError
from ..rehearsal.rules import resolve_rules
from ..server.connection import Connection
from ..snapshot import denormalized
from ..snapshot.plan import foreign_below
from ..snapshot.values import DenormalizedRule, ReferenceRule, Snapshot


@dataclass(kw_only=True)
class Looked:
    """What was found; it is looked again when the moment had to be taken again."""

    settings: Settings
    found: tuple[Followed, ...] = ()

    def __call__(self, connection: Connection, facts: Snapshot) -> None:
        """Evaluate every rule in the transaction that has read the facts."""
        self.found = tuple(self._each(connection, facts))

    def _each(self, connection: Connection, facts: Snapshot) -> list[Followed]:
        # What is announced for a migration is nothing to a backup.
        nothing = Settings(folder=self.settings.folder)
        references: tuple[ReferenceRule, ...] = ()
        found: list[Followed] = []
        for reference in self.settings.references:
            try:
                references += resolve_rules(replace(nothing, references=(reference,)), facts.catalog).references
            except PgsafeError:
                # A way that leads through it cannot be found then, and is told.
                continue
        for entry in self.settings.denormalized:
            try:
                (rule,) = resolve_rules(replace(nothing, denormalized=(entry,)), facts.catalog).denormalized
                found.append(_followed(connection, facts, rule, references))
            except PgsafeError as error:
                said = " ".join(error.message.split())
                found.append(Followed(rule=f"{entry.column} = {entry.source}", hindered=said))
        return found


def _followed(
    connection: Connection, facts: Snapshot, rule: DenormalizedRule, references: Sequence[ReferenceRule]
) -> Followed:
    ready = denormalized.prepare(connection, facts.catalog, rule, references)
    if foreign := ready.tables & foreign_below(facts.catalog):
        return Followed(rule=rule.name, hindered=f"{min(foreign)} is a foreign table, which is never scanned")
    content = denormalized.evaluate(connection, ready, samples=0)
    return Followed(rule=rule.name, agree=content.rows - content.drifted, disagree=content.drifted)
