"""What can go wrong between us and Asterisk's REST interface.

    AriError
    ├── Unreachable          no answer: connection refused or cut, or the deadline passed
    ├── Malformed            an answer that is not what /ari/api-docs promise
    └── Refused              Asterisk answered with another status than 2xx
        ├── BadRequest       400  a parameter is wrong
        ├── NotFound         404  the channel, bridge, playback … is not there (any more)
        ├── Conflict         409  the id is taken, or the thing is in the wrong state
        ├── Unprocessable    422  a channel that is not (yet) in our application
        └── ServerFailed     5xx  among others "Allocation failed": the endpoint is not registered

After `Unreachable` it is not known whether Asterisk carried the request out. No error holds a credential, a
query or a body: only the method and the path with its ids blanked, so that an error may be logged.
"""

from __future__ import annotations


class AriError(Exception):
    """Any failure of a request; `operation` is method and pattern, e.g. `POST /channels/{channelId}/play`."""

    def __init__(self, operation: str, message: str) -> None:
        super().__init__(f"{operation}: {message}")
        self.operation = operation
        self.message = message


class Unreachable(AriError):
    """Asterisk gave no answer within the deadline, or there was no connection to ask it on."""


class Malformed(AriError):
    """Asterisk's answer does not fit the generated type: the api-docs and overrides.toml need a look."""


class Refused(AriError):
    """Asterisk answered, and the answer was no. `status` is HTTP's, `message` what Asterisk said."""

    def __init__(self, operation: str, message: str, status: int) -> None:
        super().__init__(operation, message)
        self.status = status

    def __str__(self) -> str:
        return f"{self.operation}: {self.status} {self.message}"


class BadRequest(Refused):
    """400: a parameter is missing or wrong."""


class NotFound(Refused):
    """404: what the path names does not exist, or ended already."""


class Conflict(Refused):
    """409: the id or name is in use, or the state forbids it (e.g. addChannel while recording)."""


class Unprocessable(Refused):
    """422: the channel is not in a Stasis application (e.g. before its StasisStart)."""


class ServerFailed(Refused):
    """5xx: Asterisk failed at it; `Allocation failed` for an endpoint that nobody is registered at."""


BY_STATUS: dict[int, type[Refused]] = {400: BadRequest, 404: NotFound, 409: Conflict, 422: Unprocessable}


def refusal(operation: str, status: int, message: str) -> Refused:
    """The error for a status that is not 2xx."""
    if status >= 500:
        return ServerFailed(operation, message, status)
    return BY_STATUS.get(status, Refused)(operation, message, status)
