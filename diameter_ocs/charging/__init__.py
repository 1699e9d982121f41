"""The rules: pure functions over frozen values; no protocol, no database, no clock."""
