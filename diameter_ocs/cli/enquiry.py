"""`enquiry`: what requests would get, without anything being charged."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from ..charging.case import Case
from ..charging.decisions import Decision
from ..config import Configuration, load
from ..gy.decode import Decoded
from ..gy.terms import AS_USUAL
from ..handlers import catalogue, provisioning, sessions
from ..handlers.credit_control import Fault
from ..handlers.enquiry import Enquired, enquire
from ..handlers.explanation import explained
from ..handlers.moments import moment_text, parse_optional_moment
from ..handlers.refusals import Refusal, suggestion
from ..server.gate import answer_terms
from ..server.numbering import numbering_tables
from ..simulator.answers import Answer
from ..store.catalogues import Catalogues
from ..store.journal import ListedEdr
from ..store.work import PostgresStore
from . import database
from .database import Place, Rooms
from .edr_explain import Terms, explanation_json, explanation_text
from .edr_text import postings_text
from .edrs import edr_json
from .enquiry_wire import Sent, Subject, Treatment, Wire
from .identity_text import IDENTITY_FORMS, parse_identity
from .options import AsJson, Data, DatabaseUrl, Demo, Tenant
from .output import command, print_json

app = typer.Typer(help="What requests would get.", no_args_is_help=True)

HELP = (
    "Print what requests would get, and why; nothing is charged, reserved or kept.\n\n"
    "They are written as for `simulate pgw`. Each is decided on what the one before would leave,"
    " and all at one time. Whose they are is said by --account, --identity or --session."
)
EXAMPLES = (
    "Examples: enquiry ccr --account alice location=20801 initial:rg=300/request=10MiB;"
    " enquiry ccr --account alice --at 2026-12-24T23:00 context=32260 called=33140000000"
    " initial:rg=100/time=60 terminate:rg=100/used-time=60"
)
NOT_OF_EDRS = ("edr", "end_to_end_id", "actor")
"""What an EDR says and nobody would find: it is not written."""


class Asked(NamedTuple):
    """Requests, and what they would get."""

    sent: Sequence[Sent]
    results: Sequence[Decision | Fault | None]
    """None: the request could not be read."""
    answers: Sequence[Answer]
    case: Case | None
    at: int
    """When it was asked for."""


@app.callback()
def enquiry() -> None:
    """What requests would get."""


@app.command("ccr", help=HELP, epilog=EXAMPLES)
@command
def ccr(
    steps: Annotated[
        list[str],
        typer.Argument(help="Requests, as `simulate pgw --help` says.", metavar="STEP"),
    ],
    account: Annotated[
        str | None, typer.Option("--account", help="Whose they are.", metavar="NAME")
    ] = None,
    identity: Annotated[
        str | None,
        typer.Option("--identity", help=f"Or whom they name: {IDENTITY_FORMS}.", metavar="NAME"),
    ] = None,
    session: Annotated[
        str | None,
        typer.Option(
            "--session",
            help="Or the open session that they go on with, as `session list` says.",
            metavar="ID",
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", help="When, in UTC: 2026-12-24T23:00; default: now.", metavar="TIME"),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="The configuration of the server.", metavar="FILE"),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile", help="How the gateway is treated: a profile there.", metavar="NAME"
        ),
    ] = None,
    tenant: Tenant = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Print what requests would get, and why."""
    if sum(each is not None for each in (account, identity, session)) != 1:
        raise typer.BadParameter("say one of --account, --identity and --session")
    then = parse_optional_moment(at)
    configuration = load(config, data=data, database_url=database_url)
    treatment = _treatment(configuration, profile)

    async def subject(rooms: Rooms) -> Subject:
        if identity is not None:
            return Subject(tenant, (parse_identity(identity),))
        if session is not None:
            found = await sessions.find_session(rooms.accounts, tenant, session)
            return Subject(found.tenant, (), found.session)
        assert account is not None, "one of them is said"
        return await _of_account(rooms, tenant, account)

    async def work(rooms: Rooms) -> Asked:
        now = await rooms.database.ping() if then is None else then
        wire = Wire(await subject(rooms), treatment, now)
        sent = wire.send(steps)
        store = PostgresStore(rooms.database, Catalogues(catalogue.read_stored))
        requests = [each.read.request for each in sent if isinstance(each.read, Decoded)]
        enquired = await enquire(store, requests, now) if requests else Enquired([])
        decided = iter(enquired.results)
        results = [next(decided) if isinstance(each.read, Decoded) else None for each in sent]
        answers = [wire.read(each, result) for each, result in zip(sent, results, strict=True)]
        return Asked(sent, results, answers, enquired.case, now)

    asked = database.run(_place(configuration, demo), work)
    if as_json:
        print_json(_json(asked))
    else:
        _print(asked)


def _place(configuration: Configuration, demo: bool) -> Place:
    """Returns where a server of this configuration has its database."""
    url = configuration.database_url
    return Place(configuration.data, None if url is None else url.get_secret_value(), demo)


def _treatment(configuration: Configuration, profile: str | None) -> Treatment:
    """Returns how a gateway of a profile is treated; of none, as all others."""
    known = answer_terms(configuration)
    if profile is not None and profile not in known:
        reason = f"the configuration has no [profiles.{profile}]; --config says which file it is"
        raise Refusal("profile_unknown", reason + suggestion(profile, known))
    terms = AS_USUAL if profile is None else known[profile]
    return Treatment(configuration.service_contexts, terms)


async def _of_account(rooms: Rooms, tenant: str | None, name: str) -> Subject:
    found = await provisioning.find_account(rooms.accounts, tenant, name)
    if not found.identities:
        raise Refusal(
            "identity_unknown",
            f"account {name!r} has no identity by which gateways could name it:"
            " `identity add` gives it one",
        )
    return Subject(found.tenant, found.identities)


def _edrs(asked: Asked, result: Decision | Fault | None) -> list[ListedEdr]:
    """Returns the EDRs that a decision would leave."""
    if asked.case is None or not isinstance(result, Decision):
        return []
    case = asked.case
    return [
        ListedEdr(case.group_id, case.accounts[edr.account_id].name, case.catalogue.tenant, edr)
        for edr in result.edrs
    ]


def _print(asked: Asked) -> None:
    """Prints each answer as a gateway would get it, then why, and what would be moved."""
    if asked.case is not None:
        typer.echo(f"At {moment_text(asked.case.now)}; nothing was charged.")
        if asked.case.now > asked.at:
            typer.echo("That is when the account was last changed: no request comes before it.")
    for answer, result in zip(asked.answers, asked.results, strict=True):
        typer.echo("")
        typer.echo(answer.text())
        for listed in _edrs(asked, result):
            assert asked.case is not None, "somebody's EDR"
            catalogue = asked.case.catalogue
            terms = Terms(catalogue, numbering_tables().operators)
            why = explained(listed.edr.considered, catalogue)
            typer.echo(explanation_text(listed, why, terms))
            if listed.edr.postings:
                postings = [each._asdict() for each in listed.edr.postings]
                typer.echo("")
                typer.echo(postings_text(postings, _balance_types(asked.case), catalogue))


def _json(asked: Asked) -> dict[str, Any]:
    """Describes the answers, and with each what the journal would say of it."""
    return {
        "time": None if asked.case is None else moment_text(asked.case.now),
        "answers": [
            {**answer.as_dict(), "edrs": [_edr_json(each, asked) for each in _edrs(asked, result)]}
            for answer, result in zip(asked.answers, asked.results, strict=True)
        ],
    }


def _edr_json(listed: ListedEdr, asked: Asked) -> dict[str, Any]:
    assert asked.case is not None, "somebody's EDR"
    why = explained(listed.edr.considered, asked.case.catalogue)
    described = {**edr_json(listed), **explanation_json(listed.edr, why, {})}
    types = _balance_types(asked.case)
    for posting in described["postings"]:
        posting["balance_type"] = types.get(posting["balance_id"])
    return {name: value for name, value in described.items() if name not in NOT_OF_EDRS}


def _balance_types(case: Case) -> Mapping[int, str]:
    return {each.id: each.balance_type for each in case.balances.values()}
