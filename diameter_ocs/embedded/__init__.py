"""The embedded PostgreSQL: finds the binaries, starts them, watches them, stops them."""

from diameter_ocs.embedded.cluster import Cluster, attached
from diameter_ocs.embedded.directory import default_directory
from diameter_ocs.embedded.errors import DirectoryOwned, EmbeddedError

__all__ = ["Cluster", "DirectoryOwned", "EmbeddedError", "attached", "default_directory"]
