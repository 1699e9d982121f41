"""The use cases: what is done with requests and commands, and what that needs of a store."""
