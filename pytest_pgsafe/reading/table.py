"""ALTER TABLE, action by action: what each does, and the lock that PostgreSQL's documentation names for it."""

from __future__ import annotations

from collections.abc import Callable

from .column import Found, add_column, alter_column
from .locks import EXCLUSIVE, SHARE_ROW, SHARE_UPDATE
from .tokens import Words
from .values import Does, Effect, Reading, TableLock, UnreadError, Work


def read(words: Words, kind: str) -> Reading:
    """Read what follows ALTER TABLE (or FOREIGN TABLE).

    :raises UnreadError: an action of no known form.
    """
    if words.peek() == "all" and words.peek(1) == "in":
        raise UnreadError("it does not name its tables")
    words.take("if exists")
    words.take("only")
    found = Found(table=words.name())
    words.take("*")
    _action(words, found, kind)
    while words.take(","):
        _action(words, found, kind)
    words.end()
    return Reading(
        text=words.text,
        effects=tuple(found.effects),
        locks=(TableLock(relation=found.table, mode=found.mode, work=found.work), *found.others),
        unread="; ".join(dict.fromkeys(found.unread)) or None,
    )


def _action(words: Words, found: Found, kind: str) -> None:
    for phrase, reader in _ACTIONS:
        if words.take(phrase):
            reader(words, found, kind)
            return
    words.fail()


def _add(words: Words, found: Found, _: str) -> None:
    if words.peek() in {"constraint", "check", "unique", "primary", "exclude", "foreign", "not"}:
        _add_constraint(words, found)
    else:
        add_column(words, found)


def _add_constraint(words: Words, found: Found) -> None:
    name = words.part() if words.take("constraint") else None
    form = words.one_of("check", "unique", "primary key", "exclude", "foreign key", "not null")
    if form is None:
        words.fail()
    rest = words.until(",")
    lowered = f" {' '.join(rest.lower().split())} "
    waits = " not valid " in lowered or " not enforced " in lowered
    found.add(Does.CREATES, "constraint", name)
    if form == "foreign key":
        inner = Words(rest)
        inner.group()
        inner.demand("references")
        found.lock(SHARE_ROW, Work.BRIEF if waits else Work.SCAN)
        found.others.append(TableLock(relation=inner.name(), mode=SHARE_ROW))
    else:
        by_index = " using index " in f" {' '.join(lowered.split())}" or lowered.strip().startswith("using index ")
        # A primary key's columns get NOT NULL, which is looked for in every row where they have none.
        work = Work.MAY_SCAN if form == "primary key" else Work.BRIEF
        found.lock(EXCLUSIVE, Work.BRIEF if waits else work if by_index else Work.SCAN)


def _drop_constraint(words: Words, found: Found, _: str) -> None:
    words.take("if exists")
    name = words.part()
    found.add(Does.DROPS, "constraint", name, cascade=words.one_of("cascade", "restrict") == "cascade")
    found.lock()


def _drop_column(words: Words, found: Found, _: str) -> None:
    words.take("if exists")
    column = words.part()
    found.add(Does.DROPS, "column", column, cascade=words.one_of("cascade", "restrict") == "cascade")
    found.lock()


def _alter_constraint(words: Words, found: Found, _: str) -> None:
    name = words.part()
    rest = words.until(",").lower()
    found.add(Does.ALTERS, "constraint", name, attribute=" ".join(rest.split()), weakens="not enforced" in rest)
    found.lock()


def _trigger(words: Words, found: Found, _: str) -> None:
    _switch(words, found, "trigger", SHARE_ROW, disables=False)


def _no_trigger(words: Words, found: Found, _: str) -> None:
    _switch(words, found, "trigger", SHARE_ROW, disables=True)


def _switch(words: Words, found: Found, kind: str, mode: str, *, disables: bool) -> None:
    name = words.one_of("all", "user")
    if name is None:
        found.add(Does.ALTERS, kind, words.part(), attribute="enabled", weakens=disables)
    else:
        found.add(Does.ALTERS, f"{kind}s", attribute="enabled", weakens=disables)
    found.lock(mode)


def _plain(
    attribute: str, *, mode: str = EXCLUSIVE, weakens: bool = False, work: Work = Work.BRIEF, kind: str = "table",
    argument: Callable[[Words], object] | None = None,
) -> Callable[[Words, Found, str], None]:  # fmt: skip
    """Return the reader of an action that alters one attribute of the table."""

    def read_action(words: Words, found: Found, altered: str) -> None:
        if argument is not None:
            argument(words)
        found.add(Does.ALTERS, altered if kind == "table" else kind, attribute=attribute, weakens=weakens)
        found.lock(mode, work)

    return read_action


def _rename(words: Words, found: Found, kind: str) -> None:
    if words.take("to"):
        found.add(Does.RENAMES, kind, to=words.part())
    elif words.take("constraint"):
        name = words.part()
        words.demand("to")
        found.add(Does.RENAMES, "constraint", name, to=words.part())
    else:
        words.take("column")
        name = words.part()
        words.demand("to")
        found.add(Does.RENAMES, "column", name, to=words.part())
    found.lock()


def _schema(words: Words, found: Found, kind: str) -> None:
    schema = words.part()
    found.effects.append(Effect(does=Does.RENAMES, kind=kind, object=found.table, to=schema, attribute="schema"))
    found.lock()


def _attach(words: Words, found: Found, _: str) -> None:
    partition = words.name()
    if not words.take("default"):
        words.demand("for values")
        words.until(",")
    found.add(Does.ALTERS, "table", attribute="partitions")
    found.effects.append(Effect(does=Does.ALTERS, kind="table", object=partition, attribute="partition of"))
    found.lock(SHARE_UPDATE)
    found.others.append(TableLock(relation=partition, mode=EXCLUSIVE, work=Work.SCAN))


def _detach(words: Words, found: Found, _: str) -> None:
    partition = words.name()
    gentle = words.one_of("concurrently", "finalize") is not None
    found.add(Does.ALTERS, "table", attribute="partitions")
    found.effects.append(
        Effect(does=Does.ALTERS, kind="table", object=partition, attribute="partition of", weakens=True)
    )
    # The rows of a detached partition are no longer the parent's.
    found.add(Does.DELETES, "table", attribute="rows of the partition")
    found.lock(SHARE_UPDATE if gentle else EXCLUSIVE)
    found.others.append(TableLock(relation=partition, mode=EXCLUSIVE))


def _validate(words: Words, found: Found, _: str) -> None:
    found.add(Does.ALTERS, "constraint", words.part(), attribute="validated")
    found.lock(SHARE_UPDATE, Work.SCAN)


def _group(words: Words) -> None:
    words.group()


def _identity(words: Words) -> None:
    if words.take("using index"):
        words.part()
    elif words.one_of("default", "full", "nothing") is None:
        words.fail()


def _role(words: Words) -> None:
    if words.one_of("current_user", "session_user", "current_role") is None:
        words.part()


_ACTIONS: tuple[tuple[str, Callable[[Words, Found, str], None]], ...] = (
    ("add column", lambda words, found, _: add_column(words, found)),
    ("add", _add),
    ("drop constraint", _drop_constraint),
    ("drop column", _drop_column),
    ("drop", _drop_column),
    ("alter constraint", _alter_constraint),
    ("alter column", alter_column),
    ("alter", alter_column),
    ("validate constraint", _validate),
    ("rename", _rename),
    ("set schema", _schema),
    ("attach partition", _attach),
    ("detach partition", _detach),
    ("enable row level security", _plain("row security")),
    ("disable row level security", _plain("row security", weakens=True)),
    ("force row level security", _plain("row security")),
    ("no force row level security", _plain("row security", weakens=True)),
    ("enable always trigger", _trigger),
    ("enable replica trigger", _no_trigger),
    ("enable trigger", _trigger),
    ("disable trigger", _no_trigger),
    ("enable always rule", lambda words, found, _: _switch(words, found, "rule", EXCLUSIVE, disables=False)),
    ("enable replica rule", lambda words, found, _: _switch(words, found, "rule", EXCLUSIVE, disables=True)),
    ("enable rule", lambda words, found, _: _switch(words, found, "rule", EXCLUSIVE, disables=False)),
    ("disable rule", lambda words, found, _: _switch(words, found, "rule", EXCLUSIVE, disables=True)),
    ("cluster on", _plain("clustered", mode=SHARE_UPDATE, argument=Words.part)),
    ("set without cluster", _plain("clustered", mode=SHARE_UPDATE)),
    ("set logged", _plain("persistence", work=Work.REWRITE)),
    ("set unlogged", _plain("persistence", weakens=True, work=Work.REWRITE)),
    ("set access method", _plain("access method", work=Work.REWRITE, argument=Words.value)),
    ("set tablespace", _plain("tablespace", work=Work.REWRITE, argument=Words.part)),
    ("set (", lambda words, found, _: _options(words, found)),
    ("reset (", lambda words, found, _: _options(words, found)),
    ("owner to", _plain("owner", argument=_role)),
    ("replica identity", _plain("replica identity", argument=_identity)),
    ("inherit", _plain("parents", argument=Words.name)),
    ("no inherit", _plain("parents", weakens=True, argument=Words.name)),
    ("options", _plain("options", argument=_group)),
)  # fmt: skip


def _options(words: Words, found: Found) -> None:
    # The parenthesis was read with the word before it.
    words.until(")")
    words.demand(")")
    found.add(Does.ALTERS, "table", attribute="options")
    found.lock(SHARE_UPDATE)
