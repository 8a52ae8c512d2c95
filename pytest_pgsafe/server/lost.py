"""Sessions that end, or fall silent, while something is read: it gives a sentence, and nothing waits for ever."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.pq import ConnStatus

from ..errors import StepError
from . import unreached
from .address import Address

if TYPE_CHECKING:
    from collections.abc import Generator

    from psycopg.abc import PQGen

#: Seconds in which nothing comes from a server before somebody looks whether it is still there.
SILENCE = 30.0
#: Seconds for which nobody may be able to reach it, look after look, before it is given up.
GONE = 45.0
#: Seconds for which it may have done with a session that waits for its answer.
DONE = 10.0
#: Seconds for a further connection, and for each of its answers.
PATIENCE = 10.0
#: libpq's parameters by which the system notices that a peer is gone, where nothing stands between the two.
KEEPALIVES: dict[str, str] = {
    "keepalives": "1",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    # Milliseconds.
    "tcp_user_timeout": "60000",
}
_AGAIN = "then begin again"
#: By SQLSTATE.
_REMEDIES = {
    "57P01": "somebody ended it (pg_terminate_backend) or stopped the server: its log says who; " + _AGAIN,
    "57P02": "another process of the server crashed: its log says which; " + _AGAIN,
    "57P05": "raise the role's or the database's idle_session_timeout",
    "25P03": "raise the role's or the database's idle_in_transaction_session_timeout",
    "25P04": "raise the role's or the database's transaction_timeout",
}
#: What a standby says that may not wait for its readers any longer.
RECOVERY_CONFLICT = "conflict with recovery"
STANDBY_REMEDY = (
    "the source is a standby, and its primary has removed what was still being read: hot_standby_feedback = on or a"
    " longer max_standby_streaming_delay there lets it wait; or read the primary"
)
_STATE = """
select a.state, a.wait_event_type, coalesce(a.state_change::text, '')
from pg_catalog.pg_stat_activity a where a.pid = %s
"""
UNREACHED = "no further connection could be opened"
_ENDED = "the server has no such session any more"
_DONE = "the server has done with it and waits for us"


class ConnectionLost(StepError, psycopg.OperationalError):  # noqa: N818 (what happened)
    """A session was ended by somebody else, was cut off, or fell silent; or none could be opened."""

    def __init__(
        self, message: str, *, words: str = "", sqlstate: str | None = None, remedy: str = _AGAIN, opened: bool = True
    ) -> None:
        psycopg.OperationalError.__init__(self, message)
        StepError.__init__(self, message, remedies=[remedy])
        #: Whether there was a session, and it is gone; else none could be opened.
        self.opened = opened
        #: The server's or libpq's own words.
        self.words = words or message
        self.sqlstate = sqlstate

    @classmethod
    def unreached(cls, address: Address, error: psycopg.Error) -> ConnectionLost:
        """Say why no session could be opened."""
        words = _without_password(str(error).strip(), address)
        return cls(
            f"{address} cannot be reached: {words}",
            words=words,
            sqlstate=error.sqlstate,
            remedy=unreached.remedies(words, address)[0],
            opened=False,
        )

    @classmethod
    def ended(cls, address: Address, error: psycopg.Error, last: tuple[str, str] | None = None) -> ConnectionLost:
        """Say that the session is gone, and what the server said last.

        :param last: what it said while nothing was asked, with its SQLSTATE.
        """
        spoken, state = (str(error).strip(), "") if last is None else last
        words = _without_password(error.diag.message_primary or spoken, address)
        state = error.sqlstate or state
        how = "was ended by the server" if state else "was cut off"
        return cls(
            f"the session on {address} {how}: {' '.join(words.split())}",
            words=words,
            sqlstate=state or None,
            remedy=STANDBY_REMEDY
            if RECOVERY_CONFLICT in words
            else _REMEDIES.get(state, f"see whether the server is up, and the way to it; {_AGAIN}"),
        )

    @classmethod
    def silent(cls, address: Address, seconds: float, found: str) -> ConnectionLost:
        """Say that nothing came any more, and that nothing will."""
        return cls(
            f"{address} has fallen silent: no answer came for {seconds:.0f} s, and {found}",
            remedy=f"see whether the server is up, and the way to it (a firewall, a proxy, a VPN); {_AGAIN}",
        )


def _without_password(text: str, address: Address) -> str:
    secret = address.parameters.get("password")
    return text.replace(secret, "***") if secret else text


class Session(psycopg.Connection[tuple[Any, ...]]):
    """A connection that says what became of it."""

    address = Address({})
    #: The server's process, where it is another than libpq was told: a pooler tells its own.
    process: int | None = None
    #: Seconds that an answer may take; None is as long as the server is seen to work on it.
    deadline: float | None = None
    lost: ConnectionLost | None = None
    closed_here = False
    #: What the server said when it ended the session while nothing was asked, with its SQLSTATE.
    last: tuple[str, str] | None = None

    def wait(self, gen: PQGen[Any], *arguments: Any, **options: Any) -> Any:
        """Wait for the server, as :class:`psycopg.Connection` does.

        :raises ConnectionLost: it is gone.
        """
        if self.lost is not None:
            gen.close()
            raise self.lost
        try:
            # Rows of a COPY are mostly there already, each in a call of its own.
            asked = next(gen)
            return super().wait(self._attended(gen, asked), *arguments, **options)
        except StopIteration as end:
            return end.value
        except ConnectionLost:
            raise
        except psycopg.Error as error:
            # That a session was ended is read a moment before its end is.
            ended = error.sqlstate in _REMEDIES or error.diag.severity_nonlocalized == "FATAL"
            gone = ended or self.pgconn.status == ConnStatus.BAD
            # What was closed on this side is no loss.
            if self.closed_here or not gone:
                raise
            self.lost = ConnectionLost.ended(self.address, error, self.last)
            raise self.lost from error

    def hear(self, notice: psycopg.errors.Diagnostic) -> None:
        """Keep the server's last words: libpq passes them on as a notice if nothing was asked."""
        if notice.severity_nonlocalized == "FATAL":
            self.last = notice.message_primary or "", notice.sqlstate or ""

    if not TYPE_CHECKING:
        # psycopg says of it by four signatures what it gives; these stay.
        def cursor(self, *arguments: Any, **options: Any) -> Any:
            """Make a cursor, as :class:`psycopg.Connection` does.

            :raises ConnectionLost: the connection is gone.
            """
            if self.lost is None and self.closed and not self.closed_here:
                # psycopg keeps to itself what goes wrong while it rolls back; libpq still has the server's words.
                words = self.pgconn.error_message.decode("utf-8", "replace").strip()
                closed = psycopg.OperationalError(words or "the connection is closed")
                self.lost = ConnectionLost.ended(self.address, closed, self.last)
            if self.lost is not None:
                raise self.lost
            return super().cursor(*arguments, **options)

    def close(self) -> None:
        """Close the connection."""
        self.closed_here = True
        super().close()

    def _attended(self, gen: PQGen[Any], asked: Any) -> Generator[Any, Any, Any]:
        """Pass on what psycopg waits for, and look at the server when nothing comes."""
        watch = _Watch(self)
        try:
            while True:
                ready = yield asked
                watch.look(came=bool(ready))
                asked = gen.send(ready)
        except StopIteration as end:
            return end.value


class _Watch:
    """One wait for a server: how long nothing came, and what was found when somebody looked."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._came = self._looked = time.monotonic()
        #: What speaks for it that no answer will come, and since when.
        self._found, self._since = "", 0.0

    def look(self, *, came: bool) -> None:
        """Note that something came, or see after a while whether anything will.

        :raises ConnectionLost: nothing will.
        """
        now = time.monotonic()
        if came:
            self._came = self._looked = now
            self._found = ""
        elif self._session.deadline is not None:
            if now - self._came > self._session.deadline:
                self._give_up(f"it was waited for {self._session.deadline:g} s")
        elif now - self._looked > (SILENCE / 6 if self._found else SILENCE):
            session = self._session
            found = suspicion(parameters_of(session), process(session))
            self._looked = time.monotonic()
            if found != self._found:
                self._found, self._since = found, now
            if found and self._looked - self._since > (GONE if found == UNREACHED else DONE):
                self._give_up(found.partition("\n")[0])

    def _give_up(self, found: str) -> None:
        session = self._session
        session.lost = ConnectionLost.silent(session.address, time.monotonic() - self._came, found)
        # Nothing more is asked of it, not even to roll back.
        session.pgconn.finish()
        raise session.lost


def process(connection: psycopg.Connection[Any]) -> int:
    """Return the number of the server's process behind a connection: a pooler tells libpq another one."""
    asked = connection.process if isinstance(connection, Session) else None
    return connection.info.backend_pid if asked is None else asked


def suspicion(parameters: dict[str, str], number: int) -> str:
    """Say what speaks for it that a session's answer will not come; empty if nothing does, or it cannot be found out.

    :param parameters: libpq's, for a further connection.
    :param number: of the session's process on the server.
    """
    try:
        with briefly(parameters) as looking:
            row = looking.execute(_STATE, (number,)).fetchone()
    except psycopg.Error as error:
        # A server that refuses is there.
        return "" if "FATAL" in str(error) else UNREACHED
    if row is None:
        return _ENDED
    state, event, changed = row
    waits = state is not None and (state.startswith("idle") or (state == "active" and event == "Client"))
    # The same wait still, when it is looked at again: it is this line that is compared.
    return f"{_DONE}\n{state} {event} {changed}" if waits else ""


def briefly(parameters: dict[str, str]) -> Session:
    """Open a session that waits for no answer long, and in which nothing is set.

    :raises psycopg.OperationalError: as libpq says it.
    """
    given: dict[str, Any] = {**parameters, "connect_timeout": int(PATIENCE), "application_name": ""}
    session = Session.connect(**given, autocommit=True, prepare_threshold=None)
    session.address, session.deadline = Address(parameters), PATIENCE
    return session


def parameters_of(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Return what libpq was given, took from the environment or had read from files, for one more connection."""
    parameters = {option.keyword.decode(): option.val.decode() for option in connection.pgconn.info if option.val}
    for name in ("service", "servicefile", "target_session_attrs", "load_balance_hosts"):
        parameters.pop(name, None)
    # Of several hosts, the one that answered.
    parameters.update(host=connection.info.host, port=str(connection.info.port))
    if "hostaddr" in parameters:
        parameters["hostaddr"] = connection.info.hostaddr
    if connection.pgconn.password:
        parameters["password"] = connection.pgconn.password.decode()
    return parameters


def _told_already(record: logging.LogRecord) -> bool:
    """Drop psycopg's remarks on what it could not tidy up in a session that is lost: the error itself says so."""
    arguments = record.args if isinstance(record.args, tuple) else ()
    # In a rollback psycopg keeps the error to itself: what the session is asked next says it.
    ours = any(isinstance(part, psycopg.Transaction) and isinstance(part.connection, Session) for part in arguments)
    return not ours and not any(isinstance(part, ConnectionLost) for part in arguments)


# A logger's filter sees what is logged by that very logger.
for name in ("psycopg", "psycopg.transaction"):
    logging.getLogger(name).addFilter(_told_already)
