"""How named tuples are made of which each request needs several."""

new = tuple.__new__
"""Makes a named tuple of a tuple of all its fields: half the time of calling its class."""
