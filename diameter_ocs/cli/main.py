"""All commands as one program."""

import typer

from . import accounts, balances, bench, books, catalogues, database, edrs, serve, simulate, tenants

app = typer.Typer(
    name="diameter-ocs",
    help="An online charging system: Diameter Gy in front, PostgreSQL behind.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("serve")(serve.serve)
app.add_typer(tenants.app, name="tenant")
app.add_typer(catalogues.app, name="catalogue")
app.add_typer(accounts.app, name="account")
app.add_typer(balances.app, name="balance")
app.add_typer(edrs.app, name="edr")
app.command("books")(books.books)
app.add_typer(simulate.app, name="simulate")
app.command("bench")(bench.bench)
app.add_typer(database.app, name="db")
