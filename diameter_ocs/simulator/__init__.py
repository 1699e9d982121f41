"""A packet gateway made of python-diameter, for demonstrations, tests and load: it shares no code
with the server, so it checks it independently."""
