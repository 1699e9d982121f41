"""Where numbers and networks are at home, by tables of E.164 and of PLMNs."""
