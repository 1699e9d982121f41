"""An online charging system: Diameter Gy and Sy in front, PostgreSQL behind.

Nothing is imported here, because this module runs before the bootstrap has made packages available.
"""

__version__ = "0.1.0"
