"""The embedded PostgreSQL: finds the binaries, starts them, watches them, stops them."""

from .cluster import Cluster, attached
from .directory import default_directory, holds_database
from .errors import DatabaseMissing, DirectoryOwned, EmbeddedError

__all__ = [
    "Cluster",
    "DatabaseMissing",
    "DirectoryOwned",
    "EmbeddedError",
    "attached",
    "default_directory",
    "holds_database",
]
