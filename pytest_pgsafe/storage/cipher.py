"""Encryption before the upload, by age: the store never sees what it keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from ..errors import ConfigError, StorageError


@dataclass(frozen=True)
class Cipher:
    """age in one direction: to recipients (public keys), or from identities (private keys)."""

    keys: tuple[Any, ...]

    @classmethod
    def to(cls, recipients: Sequence[str]) -> Cipher:
        """Encrypt to public keys, ``age1…`` or ``ssh-ed25519 …``.

        :raises ConfigError: no library, or no key.
        """
        age = _age()
        keys: list[Any] = []
        for recipient in recipients:
            kind = age.ssh.Recipient if recipient.startswith("ssh-") else age.x25519.Recipient
            try:
                keys.append(kind.from_str(recipient))
            except age.RecipientError as error:
                remedies = ["a recipient is the public key that age-keygen prints: age1…"]
                # A private key may have been given instead.
                shown = [] if "SECRET" in recipient.upper() else [recipient]
                raise ConfigError("not a recipient of age", looked_at=shown, remedies=remedies) from error
        return cls(tuple(keys))

    @classmethod
    def of(cls, identity: Path) -> Cipher:
        """Decrypt with the private keys of a file that age-keygen wrote; it is never shown.

        :raises ConfigError: no library, no file, no key in it.
        """
        age = _age()
        try:
            lines = identity.read_text("utf-8").splitlines()
        except OSError as error:
            raise ConfigError(f"the identity cannot be read: {error.strerror}", looked_at=[str(identity)]) from error
        try:
            keys = tuple(
                age.x25519.Identity.from_str(line.strip()) for line in lines if line.strip() and line[0] != "#"
            )
        except age.IdentityError:
            keys = ()
        if not keys:
            # The cause may quote the key.
            raise ConfigError(
                "the file holds no identity of age",
                looked_at=[str(identity)],
                remedies=["name the file that age-keygen wrote: AGE-SECRET-KEY-1…"],
            ) from None
        return cls(keys)

    def encrypt(self, source: Path, target: Path) -> None:
        """Write the encrypted content of a file."""
        _age().encrypt_file(str(source), str(target), list(self.keys))

    def decrypt(self, source: Path, target: Path) -> None:
        """Write the decrypted content of a file.

        :raises StorageError: it is for other keys, or damaged.
        """
        age = _age()
        try:
            age.decrypt_file(str(source), str(target), list(self.keys))
        except (age.DecryptError, OSError) as error:
            raise StorageError(
                f"the backup cannot be decrypted: {error}",
                looked_at=[source.name],
                remedies=["give the identity that belongs to a recipient of the upload"],
            ) from error


def _age() -> Any:
    try:
        # Not all of it says its types.
        return import_module("pyrage")
    except ImportError as error:
        raise ConfigError(
            "encryption by age needs pyrage",
            looked_at=[str(error)],
            remedies=["pip install 'pytest-pgsafe[age]'"],
        ) from error
