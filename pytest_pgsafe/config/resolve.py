"""Which source wins: command line, environment, configuration file, default."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError
from . import clusters, engines, forms, members, rules
from .find import FILE_NAME, find
from .fleet import Fleet
from .pitr import pitr
from .values import (
    RECORDED,
    Hook,
    Hooks,
    OldRelease,
    Options,
    Pitr,
    Receipt,
    Report,
    Retry,
    Script,
    Server,
    Settings,
    Source,
    Traffic,
    Way,
)

if TYPE_CHECKING:
    from .sections import Document


def flag(environment: Mapping[str, str], name: str) -> bool:
    """Read a variable that turns something on.

    :raises ConfigError: it is neither on nor off.
    """
    text = environment.get(name, "").strip().lower()
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"", "0", "false", "no", "off"}:
        return False
    raise ConfigError(f"{name}: {environment[name]!r} is neither on nor off", remedies=[f"set {name}=1 or unset it"])


def resolve(options: Options, *, environment: Mapping[str, str], rootdir: Path, invocation_dir: Path) -> Settings:
    """Resolve everything that a run was told.

    :param rootdir: where the configuration file is looked for.
    :param invocation_dir: what paths in options and in the environment are relative to.
    :raises ConfigError: an option, a variable, a key or a file that cannot be used.
    """
    path, content, prefix = find(options, environment, rootdir=rootdir, invocation_dir=invocation_dir)
    from .file import parse

    document = parse(content, path=rootdir / FILE_NAME if path is None else path, prefix=prefix)
    return _Resolution(
        options=options,
        environment=environment,
        document=document,
        path=path,
        folder=rootdir if path is None else path.parent,
        invocation_dir=invocation_dir,
    ).settings()


def _settings(given: Mapping[str, bool | int | float | str]) -> tuple[tuple[str, str], ...]:
    def words(value: object) -> str:
        return ("on" if value else "off") if isinstance(value, bool) else str(value)

    return tuple((name.lower(), words(value)) for name, value in given.items())


@dataclass(kw_only=True)
class _Resolution:
    """One resolution: the three sources, and where each setting came from."""

    options: Options
    environment: Mapping[str, str]
    document: Document
    #: The configuration file, and the folder that its paths are relative to.
    path: Path | None
    folder: Path
    invocation_dir: Path
    origins: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def file_name(self) -> str:
        return FILE_NAME if self.path is None else self.path.name

    def settings(self) -> Settings:
        document, options, source, fleet = self.document, self.options, self._source(), self._fleet()
        return Settings(
            folder=self.folder,
            file=self.path,
            source=source
            and replace(
                source,
                jobs=document.source.jobs or source.jobs,
                settings=_settings(document.source.settings),
                rows=dict(document.source.rows),
            ),
            fleet=fleet,
            max_age=None if document.source.max_age is None else forms.duration(document.source.max_age),
            migration=self._migration(),
            rollback=self._rollback(),
            role=document.migration.role,
            transaction=bool(document.migration.transaction),
            env=dict(document.migration.env),
            timeout=forms.duration(document.migration.timeout),
            network=document.migration.network,
            lock_wait=forms.duration(document.migration.lock_wait),
            again=document.migration.again,
            retry=Retry(
                points=document.retry.points,
                back=document.retry.back,
                budget=None if document.retry.budget is None else forms.duration(document.retry.budget),
            ),
            traffic=Traffic(
                clients=document.traffic.clients,
                scripts=self._scripts(),
                budget=None if document.traffic.budget is None else forms.duration(document.traffic.budget),
            ),
            old_release=self._old_release(),
            hooks=self._hooks(),
            server=self._server(source, fleet),
            report=Report(files=self._reports(), samples=document.report.samples, mask=tuple(document.report.mask)),
            expect=document.expect.expect(),
            denormalized=rules.denormalized(document),
            references=rules.references(document),
            foreign_keys=rules.policies(document),
            budget=rules.budget(document),
            pitr=self._pitr(),
            receipt=self._receipt(),
            strict=self._flag("strict", "--pgsafe-strict", "PGSAFE_STRICT", given=options.strict, key=document.strict),
            update=options.update,
            static=self._flag("static", "--pgsafe-static", "PGSAFE_STATIC", given=options.static, key=None),
            files=tuple(
                forms.existing(text, base=self.invocation_dir, origin="--pgsafe-static", what="a file")
                for text in options.files
            ),
            from_rev=options.from_rev,
            origins=self.origins,
        )

    def _scripts(self) -> tuple[Script, ...]:
        """Return the scripts of pgbench, each a file and perhaps its weight: ``writes.sql@3``."""
        given, origin = self.document.traffic.script, f"{self.file_name} traffic.script"
        found: list[Script] = []
        for text in [given] if isinstance(given, str) else given or ():
            name, at, weight = text.rpartition("@")
            weighted = bool(at) and weight.isdecimal()
            path = forms.existing(name if weighted else text, base=self.folder, origin=origin, what="the script")
            found.append(Script(path=path, weight=int(weight) if weighted else 1))
        return tuple(found)

    def _text(self, name: str, option: str, variable: str | None, given: str | None, key: str | None) -> str | None:
        """Return the word that wins, and note where it came from."""
        if given is not None:
            self.origins[name] = option
            return given
        if variable is not None and self.environment.get(variable):
            self.origins[name] = variable
            return self.environment[variable]
        if key is not None:
            self.origins[name] = self.file_name
        return key

    def _flag(self, name: str, option: str, variable: str, *, given: bool, key: bool | None) -> bool:
        if given or flag(self.environment, variable):
            self.origins[name] = option if given else variable
            return True
        if key is not None:
            self.origins[name] = self.file_name
        return bool(key)

    def _words(self, option: tuple[str, ...], variable: str) -> tuple[str, ...]:
        """Return what the command line or the environment names; a variable holds paths as PATH does."""
        text = self.environment.get(variable, "")
        if option or not text:
            return option
        whole = forms.is_dsn(text) or engines.kind_of(text) is not None or clusters.kind_of(text) is not None
        return (text,) if whole else tuple(part for part in text.split(os.pathsep) if part)

    def _source(self) -> Source | None:
        words = self._words(self.options.source, "PGSAFE_SOURCE")
        if words:
            origin = self.origins["source"] = "--pgsafe-source" if self.options.source else "PGSAFE_SOURCE"
            fleet = members.is_fleet(words)
            return None if fleet else forms.source(words, base=self.invocation_dir, origin=origin)
        section = self.document.source
        given = section.model_dump(exclude_none=True, exclude={"jobs", "max_age", "settings", "rows", "fleet"})
        if not given or section.fleet:
            return None
        self.origins["source"] = self.file_name
        self._alone("source", given)
        origin = f"{self.file_name} [source]"
        if section.dsn is not None:
            return Source(dsn=forms.check_dsn(section.dsn, origin=f"{origin} dsn"))
        if section.backup is not None:
            path = forms.existing(section.backup, base=self.folder, origin=f"{origin} backup", what="the backup")
            return Source(backup=path)
        for kind in ("pgbackrest", "barman", "basebackup", "pgdata"):
            text: str | None = getattr(section, kind)
            if text is not None:
                return forms.source((f"{kind}:{text}",), base=self.folder, origin=f"{origin} {kind}")
        files = [section.sql] if isinstance(section.sql, str) else section.sql
        if not files:
            raise ConfigError(f"{origin} sql: no file is named", remedies=['write sql = ["schema.sql", "data.sql"]'])
        paths = tuple(forms.existing(name, base=self.folder, origin=f"{origin} sql", what="the file") for name in files)
        return Source(sql=paths)

    def _fleet(self) -> Fleet | None:
        section, words = self.document.source, self._words(self.options.source, "PGSAFE_SOURCE")
        if words:
            if not members.is_fleet(words):
                return None
            entries = members.of_words(words, origin=self.origins["source"])
        elif section.fleet:
            self.origins["source"] = self.file_name
            self._alone(
                "source",
                section.model_dump(exclude_none=True, include={"backup", "sql", "pgbackrest", "barman", "fleet"}),
            )
            entries = members.of_sections(
                section.fleet, catalog=section.dsn, folder=self.folder, file=self.file_name
            )  # fmt: skip
        else:
            return None
        if self.document.pitr.base is not None or self.document.pitr.archive is not None:
            raise ConfigError(
                "[pitr] and a fleet are rehearsed in runs of their own",
                looked_at=[] if self.path is None else [str(self.path)],
                remedies=["keep [pitr] in a file of its own, and name that with --pgsafe-config"],
            )
        fleet = members.fleet(entries, self.document.fleet)
        settings, rows = _settings(section.settings), dict(section.rows)
        return replace(fleet, jobs=section.jobs or fleet.jobs, settings=settings, rows=rows)

    def _migration(self) -> Way | None:
        variable = self.environment.get("PGSAFE_MIGRATION")
        if self.options.migration is not None or variable:
            text = self._text("migration", "--pgsafe-migration", "PGSAFE_MIGRATION", self.options.migration, None)
            return forms.way(text or "", base=self.invocation_dir, origin=self.origins["migration"])
        section = self.document.migration
        given = section.ways
        if not given:
            return None
        self.origins["migration"] = self.file_name
        self._alone("migration", given)
        [(name, text)] = given.items()
        origin = f"{self.file_name} [migration] {name}"
        if name == "run":
            return forms.run(text, origin=origin)
        return forms.way_of(name, text, base=self.folder, origin=origin)

    def _rollback(self) -> Way | None:
        key = self.document.migration.rollback
        text = self._text("rollback", "--pgsafe-rollback", "PGSAFE_ROLLBACK", self.options.rollback, key)
        if text is None:
            return None
        origin = self.origins["rollback"]
        if origin == self.file_name:
            return forms.way(text, base=self.folder, origin=f"{origin} [migration] rollback", bare_command=True)
        return forms.way(text, base=self.invocation_dir, origin=origin)

    def _old_release(self) -> OldRelease:
        section = self.document.old_release
        if section.statements is None or section.statements == RECORDED:
            return OldRelease(statements=RECORDED if section.statements else None, run=section.run)
        path = forms.existing(
            section.statements, base=self.folder, origin=f"{self.file_name} [old_release] statements", what="the file",
            remedies=[f'name a file of SQL statements, or "{RECORDED}"'],
        )  # fmt: skip
        return OldRelease(statements=path, run=section.run)

    def _hooks(self) -> Hooks:
        section = self.document.hooks

        def several(name: str, words: list[str] | str) -> tuple[Hook, ...]:
            origin = f"{self.file_name} [hooks] {name}"
            listed = [words] if isinstance(words, str) else words
            return tuple(forms.hook(word, base=self.folder, origin=origin) for word in listed)

        return Hooks(
            after_restore=several("after_restore", section.after_restore),
            before_migration=several("before_migration", section.before_migration),
            after_migration=several("after_migration", section.after_migration),
            role=section.role,
        )

    def _alone(self, section: str, given: Mapping[str, object]) -> None:
        if len(given) > 1:
            raise ConfigError(
                f"{self.file_name}: [{section}] has {', '.join(given)}, and only one of them can be meant",
                looked_at=[] if self.path is None else [str(self.path)],
                remedies=["keep one of them"],
            )

    def _server(self, source: Source | None, fleet: Fleet | None) -> Server:
        section = self.document.server
        use = self._text("server", "--pgsafe-server", "PGSAFE_SERVER", self.options.server, section.use)
        image = self._text("image", "--pgsafe-image", "PGSAFE_IMAGE", self.options.image, section.image)
        keep = self._flag("keep", "--pgsafe-keep", "PGSAFE_KEEP", given=self.options.keep, key=section.keep)
        superuser = self._flag(
            "superuser", "[server] superuser", "PGSAFE_SERVER_SUPERUSER", given=False, key=section.superuser
        )
        major = self._text(
            "major", "--pgsafe-major", "PGSAFE_MAJOR", self.options.major,
            None if section.major is None else str(section.major),
        )  # fmt: skip
        checked = "auto" if use is None else forms.server(use, origin=self.origins["server"])
        cache = self._text("cache", "[server] cache", "PGSAFE_SERVER_CACHE", None, section.cache)
        # A backup does not change; a database does, so that somebody has to say how old it may be.
        kept = cache != "off" if cache is not None else source is not None and source.backup is not None
        try:
            age = None if cache in {None, "on", "off"} else forms.age(cache or "")
        except ValueError as error:
            raise ConfigError(f"PGSAFE_SERVER_CACHE: {error}", remedies=['write "1 week", "on" or "off"']) from error
        alive = source is not None and source.dsn is not None
        alive = alive or (fleet is not None and any(entry.backups is None for entry in fleet.entries))
        if kept and age is None and alive:
            raise ConfigError(
                f"{self.origins['cache']}: a copy of a database has an age, and nobody said how old it may be",
                remedies=['write cache = "1 day" into [server]', 'or cache = "off"'],
            )
        return Server(
            use=checked, image=image, major=None if major is None else forms.major(major, origin=self.origins["major"]),
            keep=keep, superuser=superuser, preload=tuple(section.preload), cache=kept,
            cache_age=age, cache_size=forms.size(section.cache_size),
        )  # fmt: skip

    def _reports(self) -> tuple[Path, ...]:
        words, base = self._words(self.options.report, "PGSAFE_REPORT"), self.invocation_dir
        if words:
            self.origins["report"] = "--pgsafe-report" if self.options.report else "PGSAFE_REPORT"
        elif self.document.report.files is not None:
            words, base = tuple(self.document.report.files), self.folder
            self.origins["report"] = self.file_name
        files = [forms.report_file(word, base=base, origin=self.origins["report"]) for word in words]
        return tuple(dict.fromkeys(files))

    def _receipt(self) -> Receipt:
        named = self.document.migration.files
        origin = f"{self.file_name} [migration] files"
        files = tuple(
            forms.existing(text, base=self.folder, origin=origin, what="the file or folder")
            for text in ([named] if isinstance(named, str) else named)
        )
        key, variable = self.document.evidence.root, self.environment.get("PGSAFE_EVIDENCE_ROOT")
        evidence = (
            (self.invocation_dir / Path(variable).expanduser()) if variable
            else None if key is None else (self.folder / Path(key).expanduser())
        )  # fmt: skip
        return Receipt(
            files=files,
            valid=forms.duration(self.document.receipt.valid),
            evidence=None if evidence is None else evidence.absolute(),
        )

    def _pitr(self) -> Pitr | None:
        found = pitr(self.document.pitr, folder=self.folder, file=self.file_name)
        if found is not None:
            self.origins["pitr"] = self.file_name
        return found
