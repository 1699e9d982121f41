"""PostgreSQL: tables, statements and the unit of work; nothing here decides."""
