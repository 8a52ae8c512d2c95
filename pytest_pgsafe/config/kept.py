"""Sections of the runbook's commands: where backups and evidence are kept, for how long, who is told."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from .words import Duration, Jobs, Section, Text

_ALERTS = "addresses with a secret stand in PGSAFE_ALERT and PGSAFE_PING, with blanks between them"
_CREDENTIALS = (
    "credentials stay out of the file: AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role, as boto3 "
    "reads them"
)


def _open(url: str) -> str:
    """Return an address of storage that holds no secret."""
    if not url.strip():
        raise ValueError("wanted a text that is not empty")
    if "@" in urlsplit(url.strip()).netloc:
        raise ValueError(f"it holds a user or a password; {_CREDENTIALS}")
    return url.strip()


def _public(key: str) -> str:
    if "SECRET" in key.upper():
        raise ValueError("a recipient is the public key that age-keygen prints, age1…, and this is the private one")
    return key


Count = Annotated[int, Field(ge=0)]
Url = Annotated[str, AfterValidator(_open)]
Recipient = Annotated[Text, AfterValidator(_public)]


class BackupSection(Section):
    root: Text | None = None
    environment: Text | None = None
    jobs: Jobs | None = None
    plain: bool | None = None
    retain: Duration | None = None
    max_age: Duration | None = None
    verify: bool | None = None


class RetentionSection(Section):
    daily: Count | None = None
    weekly: Count | None = None
    monthly: Count | None = None
    yearly: Count | None = None


class AlertsSection(Section):
    elsewhere = dict.fromkeys(("password", "token", "secret"), _ALERTS)

    to: list[Text] | Text | None = None
    ping: list[Text] | Text | None = None


class StorageSection(Section):
    elsewhere = dict.fromkeys(
        (
            "access_key", "access_key_id", "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "key",
            "password", "secret", "secret_access_key", "secret_key", "session_token", "token",
        ),
        _CREDENTIALS,
    )  # fmt: skip

    url: Url | None = None
    endpoint: Url | None = None
    encryption: Literal["AES256", "aws:kms"] | None = None
    kms_key: Text | None = None
    storage_class: Text | None = None
    recipient: list[Recipient] | Recipient | None = None
    identity: Text | None = None


class EvidenceSection(Section):
    elsewhere = dict.fromkeys(
        ("key", "secret"), "the key stands in PGSAFE_RECEIPT_KEY, or in the file PGSAFE_RECEIPT_KEY_FILE"
    )

    root: Text | None = None


class RestoreSection(Section):
    jobs: Jobs | None = None
    stall: Duration | None = None
    stop: list[Text] | Text | None = None
    start: list[Text] | Text | None = None
