"""Addresses as people write them: what libpq would refuse, or read otherwise than it was meant, is told in a sentence.

No sentence repeats a value: whatever cannot be read may be a part of a password.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterator
from urllib.parse import unquote

from . import strangers

URI = re.compile(r"postgres(?:ql)?://")
_SCHEME = re.compile(r"(?P<jdbc>jdbc:)?(?P<scheme>[A-Za-z][\w.+-]*):(?P<slashes>/*)")
_ASSIGNED = re.compile(r"(?:export\s+)?(?!dbname\b)[A-Za-z_]\w*\s*=\s*[\"']?[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_CALLED = re.compile(r"psql\s", re.IGNORECASE)
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"[\w.-]*")
_IPV6 = re.compile(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[\w.-]+)?")
_NAME = re.compile(r"[A-Za-z][\w.-]{0,40}")
_PARAMETER = re.compile(r"\?[A-Za-z_]+=")
#: Another value's end that is none for libpq, and a password after it.
_RUN_ON = re.compile(r"[;,&]\s*(?:password|pwd)\s*=", re.IGNORECASE)
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_ENCODE = (
    "in a URI, characters of the user and the password that mean something there are written by their codes: "
    "/ %2F, @ %40, : %3A, ? %3F, # %23, % %25, & %26, [ %5B, ] %5D, a blank %20"
)
_APART = "or leave the password out of the address: ~/.pgpass, a service file or PGPASSWORD take it as it is"
_QUOTE = "in host=… password='…', write a value with a blank or a quote in single quotes, ' as \\' and \\ as \\\\"
_FORM = "write postgresql://user@host:port/database or host=… port=… user=… dbname=…"


class AddressError(ValueError):
    """A text is no address that libpq can be given; the message completes “the source is …”.

    :param remedies: what to do about it.
    """

    def __init__(self, message: str, *remedies: str) -> None:
        super().__init__(message)
        self.remedies = remedies


def tidied(text: str) -> str:
    """Return an address without what a shell, a file or a copied line left around it: blanks, line ends, quotes."""
    text = text.strip()
    for quote in "\"'`":
        if len(text) > 1 and text[0] == text[-1] == quote and quote not in text[1:-1]:
            text = text[1:-1].strip()
    return text


def database(text: str) -> str:
    """Return the name of the database in a URI or conninfo string; empty where none can be read."""
    if URI.match(text):
        path = text.partition("://")[2].partition("?")[0].partition("/")[2]
        return unquote(path)
    try:
        return dict(_pairs(tidied(text))).get("dbname", "")
    except AddressError:
        return ""


def check(text: str, known: Collection[str] = ()) -> None:
    """Find out that a tidied address means to libpq what it means to a reader.

    :param known: the parameters that libpq knows; without them only those of other programs are refused.
    :raises AddressError: it does not.
    """
    if any(letter < " " or letter == "\x7f" for letter in text):
        raise AddressError("an address that holds a line end or another control character", _FORM)
    if URI.match(text):
        _uri(text.partition("://")[2], known)
        return
    _other_forms(text)
    _conninfo(text, known)


def _other_forms(text: str) -> None:
    """Refuse what is an address to other programs."""
    if _ASSIGNED.match(text) and "://" in text.partition("=")[2].partition("?")[0]:
        raise AddressError("a variable with its value, or an address within another", "give what stands behind the =")
    if _CALLED.match(text):
        raise AddressError("a call of psql", "give its address alone, without psql and quotes")
    if text[:1] in {'"', "'"}:
        raise AddressError("an address with a quote before it", "leave the quotes out")
    found = _SCHEME.match(text)
    if found is None or ("=" in text[: found.start("slashes")] and "://" not in text):
        return
    scheme = found["scheme"].lower()
    base, plus, _ = scheme.partition("+")
    if found["jdbc"] is not None:
        raise AddressError(
            "an address of JDBC's",
            "leave jdbc: out, and write user and password before the host: postgresql://user@host:port/database",
        )
    if scheme in strangers.OTHERS:
        raise AddressError(
            f"no address of a PostgreSQL server: libpq has no URI scheme {scheme!r}",
            "give the address of the server itself: postgresql://user@host:port/database",
        )
    if base in {"postgresql", "postgres"} and plus:
        raise AddressError(
            f"written for a driver: libpq has no URI scheme {scheme!r}",
            f"write {base}:// in place of {scheme}://, without a driver's name",
        )
    if base in {"postgresql", "postgres"}:
        raise AddressError(f"an address whose scheme libpq does not read: write {base}:// in small letters", _FORM)
    if found["slashes"] or (scheme in strangers.SCHEMES and "=" in text):
        whose = strangers.SCHEMES.get(base)
        owner = "" if whose is None else f", which is {whose}"
        raise AddressError(
            f"written for another program: libpq has no URI scheme {scheme!r}{owner}",
            "write postgresql://user@host:port/database, without a driver's name",
        )


def _uri(rest: str, known: Collection[str]) -> None:
    """Read what stands behind ``postgresql://`` as libpq does."""
    authority = rest.partition("/")[0]
    login, at, _ = authority.partition("@")
    if at and ("?" in login.partition(":")[0] or _PARAMETER.search(login)):
        raise AddressError("a URI in which libpq would take the parameters for a user", _ENCODE, _APART)
    place = rest[len(login) + 1 :] if at else rest
    netloc = re.split("[/?]", place, maxsplit=1)[0]
    path, _, query = place[len(netloc) :].partition("?")
    if "@" in netloc or "@" in path or (not at and "/" in query.partition("@")[2]):
        raise AddressError(
            "a URI with more than one way to read it: its password, or its user, holds / or @", _ENCODE, _APART
        )
    for mark, told in ((" ", "a blank"), ("%00", "%00")):
        if mark in rest:
            raise AddressError(f"a URI with {told} in it, which libpq refuses", _ENCODE, _APART)
    if _ESCAPE.search(rest):
        raise AddressError(
            "a URI with a % that begins no code of two digits: one that stands for itself is %25", _ENCODE, _APART
        )
    _netloc(netloc, login=bool(at))
    names = _query(query)
    _names(names, known, hidden="@" in query or any(name == "password" for name, _ in names))
    _values(dict(names))


def _netloc(netloc: str, *, login: bool) -> None:
    if netloc.count("[") != netloc.count("]"):
        raise AddressError(
            "a URI with a bracket that is not closed", "IPv6: postgresql://user@[::1]:5432/database", _ENCODE
        )
    if "[" not in netloc and _IPV6.fullmatch(netloc) and netloc.count(":") > 1:
        raise AddressError("a URI with an IPv6 address without brackets", "postgresql://user@[::1]:5432/database")
    for one in netloc.split(","):
        host, port = _host_and_port(one)
        if not _is_port(port):
            problem = "a URI with a port that is no number from 1 to 65535"
            more = "" if login else ", or with a password that holds a / or has no @host behind it"
            raise AddressError(problem + more, _ENCODE, _APART)
        if not _is_host(unquote(host)):
            raise AddressError("a URI with a host that no machine can have", _ENCODE, _APART)


def _host_and_port(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        # What is no port after a bracket is told as one that is none.
        return host, rest[1:] if rest[:1] in {"", ":"} else rest
    host, _, port = text.partition(":")
    return host, port


def _is_port(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit() and 0 < int(text) < 65536)


def _is_host(text: str) -> bool:
    """Tell whether a name, an address, or the folder of a socket stands there (``@…`` is an abstract one)."""
    return text.startswith(("/", "@")) or _HOST.fullmatch(text) is not None or _IPV6.fullmatch(text) is not None


def _query(query: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for number, pair in enumerate(query.split("&") if query else (), start=1):
        name, equals, value = pair.partition("=")
        if not equals or "=" in value:
            raise AddressError(
                f"a URI whose parameter {number} (after the ?) is not NAME=VALUE",
                f"a = within a value is %3D; {_ENCODE}",
            )
        pairs.append((unquote(name), unquote(value)))
    return pairs


def _names(pairs: list[tuple[str, str]], known: Collection[str], *, hidden: bool) -> None:
    """Refuse parameters that libpq does not know.

    :param hidden: a name may be a part of a password: only one that is in a list of ours is repeated.
    """
    told: list[tuple[str, str]] = []
    for number, (name, value) in enumerate(pairs, start=1):
        if name in known or (name == "ssl" and value == "true"):
            continue
        if (explained := strangers.explained(name)) is not None:
            told.append(explained)
        elif known:
            told.append(_unknown(name, number, known, hidden=hidden))
    if told:
        message = "; ".join(problem for problem, _ in told)
        raise AddressError(
            f"an address with parameters that libpq does not know: {message}", *(remedy for _, remedy in told)
        )


def _unknown(name: str, number: int, known: Collection[str], *, hidden: bool) -> tuple[str, str]:
    shown = f"number {number}" if hidden or not _NAME.fullmatch(name) else repr(name)
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.7)
    return f"parameter {shown}", f"did you mean {near[0]}?" if near else _ENCODE if hidden else "leave it out here"


def _values(given: dict[str, str]) -> None:
    """Refuse values that libpq would read otherwise than they were meant, or print."""
    mode = given.get("sslmode", "prefer")
    if mode not in SSL_MODES:
        remedy = "sslmode=require encrypts without checking the certificate"
        raise AddressError(
            "an address with an sslmode that libpq does not know", f"write {', '.join(SSL_MODES)}; {remedy}"
        )
    for host in given.get("host", "").split(","):
        if not _is_host(host):
            raise AddressError("an address with a host that no machine can have", _QUOTE, _FORM)
    if not all(map(_is_port, given.get("port", "").split(","))):
        raise AddressError("an address with a port that is no number from 1 to 65535", _QUOTE, _FORM)
    if URI.match(given.get("dbname", "")):
        raise AddressError(
            "an address within another: dbname holds a URI", "give that URI alone, or the database's name"
        )
    if any(_RUN_ON.search(value) for name, value in given.items() if name != "password"):
        raise AddressError(
            "a connection string in another program's form: values end with ; or ,",
            "write host=… port=… user=… dbname=… with blanks between them, or postgresql://user@host:port/database",
        )


def _conninfo(text: str, known: Collection[str]) -> None:
    pairs = list(_pairs(text))
    names = [name for name, _ in pairs]
    # What stands after a password may be a part of it.
    at = names.index("password") if "password" in names else len(names)
    _names(pairs[:at], known, hidden=False)
    _names(pairs[at:], known, hidden=True)
    _values(dict(pairs))


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """Read ``name = value`` as libpq does.

    :raises AddressError: it is none.
    """
    at, end = 0, len(text)

    def run(part: Callable[[str], bool]) -> str:
        nonlocal at
        start = at
        while at < end and part(text[at]):
            at += 1
        return text[start:at]

    run(str.isspace)
    while at < end:
        name = run(lambda letter: not letter.isspace() and letter != "=")
        run(str.isspace)
        if text[at : at + 1] != "=":
            raise AddressError(
                "neither a libpq URI nor a conninfo string: a word has no = behind it", _QUOTE, _APART, _FORM
            )
        at += 1
        run(str.isspace)
        value: list[str] = []
        quoted = text[at : at + 1] == "'"
        at += quoted
        while at < end and (text[at] != "'" if quoted else not text[at].isspace()):
            if text[at] == "\\" and at + 1 < end:
                at += 1
            value.append(text[at])
            at += 1
        if quoted:
            if at >= end:
                raise AddressError("a conninfo string with a quote that is not closed", _QUOTE, _APART)
            at += 1
        yield name, "".join(value)
        run(str.isspace)
