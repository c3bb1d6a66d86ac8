"""What can go wrong when a usage API is read; no message ever holds a token."""

from __future__ import annotations

from collections.abc import Sequence


class UsageApiError(RuntimeError):
    """A usage API could not be read; nothing of the current window has landed.

    Attributes:
        findings: Other sentences for the user, found before the failure.
    """

    def __init__(self, message: str, findings: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.findings = tuple(findings)


class TokenMissing(UsageApiError):
    """The environment variable of the token is not set, or does not hold a token."""


class AccessRefused(UsageApiError):
    """The API refuses the token (401, 403, or a body that says so); a retry would not help."""


class CallFailed(UsageApiError):
    """A call was refused for good, or still failed after its last try."""


class PagingError(UsageApiError):
    """The pages of a window contradict each other, however often they are read."""


class BadAnswer(Exception):
    """A body that is not what was asked for (a summary, success=false); worth another try."""


class Refusal(Exception):
    """A body under HTTP 200 that refuses the token; a retry would not help."""
