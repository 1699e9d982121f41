"""The embedded PostgreSQL: finds the binaries, starts them, watches them, stops them."""

from .cluster import Cluster, attached
from .directory import default_directory
from .errors import DirectoryOwned, EmbeddedError

__all__ = ["Cluster", "DirectoryOwned", "EmbeddedError", "attached", "default_directory"]
