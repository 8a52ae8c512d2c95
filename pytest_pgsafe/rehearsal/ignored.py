"""Settings that would be accepted and have no effect: a green run would say more than it looked at."""

from __future__ import annotations

from ..config.values import Settings
from ..errors import ConfigError


def refuse(settings: Settings) -> None:
    """Refuse settings without effect.

    Those of the file that the command line overrules for this run (``--pgsafe-server=local`` beside an image, a
    ``.sql`` file instead of the command that needs variables) are no mistake.

    :raises ConfigError: with the setting and what to do.
    """
    if settings.update and settings.migration is None:
        raise ConfigError(
            "--pgsafe-update: there is no migration whose effects could be written",
            remedies=["name it: --pgsafe-migration=FILE.sql, or [migration] in pgsafe.toml"],
        )
    if settings.from_rev is not None and settings.migration is None:
        raise ConfigError(
            "--pgsafe-from: there is no migration whose files could be left out",
            remedies=["name it: --pgsafe-migration=FOLDER, or [migration] in pgsafe.toml"],
        )
    _image(settings)
    _migration(settings)


def _image(settings: Settings) -> None:
    server, origins = settings.server, settings.origins
    if server.image is None or server.use in {"auto", "container"}:
        return
    # A file's image stays for those who do not overrule the file's kind of server.
    if origins.get("image", "").startswith("--") or origins.get("image") == origins.get("server"):
        kind = "a local" if server.use == "local" else "an existing"
        raise ConfigError(
            f"{origins.get('image', 'image')}: {kind} server has no image, so {server.image} would not be used",
            remedies=["leave the image out, or use a container: --pgsafe-server=container"],
        )


def _migration(settings: Settings) -> None:
    ways = [way for way in (settings.migration, settings.rollback) if way is not None]
    origin = settings.origins.get("migration")
    if settings.file is None or origin != settings.file.name:
        return
    place = f"{settings.file.name} [migration]"
    if settings.transaction and all(way.kind != "sql" for way in ways):
        raise ConfigError(
            f"{place} transaction: it is for .sql files, and a command decides by itself what is one transaction",
            remedies=["leave it out, or say it to the migration tool"],
        )
    hooks = settings.hooks
    commands = any(
        hook.kind == "run" for hook in (*hooks.after_restore, *hooks.before_migration, *hooks.after_migration)
    )
    if settings.env and not commands and all(way.kind == "sql" for way in ways):
        raise ConfigError(
            f"{place} env: .sql files see no variables, and there is no command",
            remedies=["leave it out; the database itself says where it is: current_database()"],
        )
