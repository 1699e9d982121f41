"""What can go wrong with the embedded PostgreSQL, in one sentence each."""


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot be used as asked; the message says what to do."""


class DirectoryOwned(EmbeddedError):
    """Another process owns the data directory."""

    def __init__(self, message: str, *, by_server: bool) -> None:
        super().__init__(message)
        self.by_server = by_server


class DatabaseMissing(EmbeddedError):
    """There is no database in the data directory, and none is to be made there."""
