"""Delivers notices to the sinks that tenants name in their catalogues: webhooks and files."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

from ..charging.bounded import keep
from ..charging.catalogue import Catalogue
from ..charging.delivery import Claimed, Fate, Result
from ..charging.faults import CasesUnavailable, CatalogueUnreadable
from ..charging.notice_types import NoticeSink, sink_named
from .cloud_events import envelope
from .notice_files import NoticeFiles
from .webhooks import Answer, Reception, Webhooks

TENANTS_REMEMBERED = 1000
CATALOGUE_SECONDS = 1.0
"""How long it may take until a sink counts as a new catalogue has it."""
AT_IT_SECONDS = 12.0
"""After so long no more notices of a stream are posted at once, though there be more."""
NO_SECRET = (
    'no secret for it: a [[webhooks]] table with name = "{}" belongs in the servers\' configuration'
)
DONE = Fate(Result.DELIVERED)
Secrets = Mapping[tuple[str | None, str], str]
"""What is sent to webhooks is signed with, by tenant (None: any) and name."""


class Applied(Protocol):
    """What is needed of the store."""

    async def tenants(self) -> Mapping[str, int | None]:
        """Returns the version of each tenant's catalogue; None: none was applied yet."""

    async def read_catalogue(self, tenant_name: str, version: int) -> Catalogue:
        """Returns a version that was applied."""


class Notices:
    """Delivers notices, those of an account in their order."""

    def __init__(
        self, applied: Applied, webhooks: Webhooks, files: NoticeFiles, secrets: Secrets
    ) -> None:
        self._applied = applied
        self._webhooks = webhooks
        self._files = files
        self._secrets = secrets
        self._versions: Mapping[str, int | None] = {}
        self._versions_at = -CATALOGUE_SECONDS
        self._sinks: dict[tuple[str, int], Mapping[str, NoticeSink]] = {}
        self._reading = asyncio.Lock()
        self._resting: dict[str, float] = {}
        """Until when webhooks want to be left alone."""

    def serves(self, target: str) -> bool:
        """Says that any server delivers notices, or writes down why it cannot."""
        return True

    async def deliver(self, claimed: Claimed) -> Fate:
        """Sends the notices of one account to one sink."""
        tenant, name = sink_named(claimed.head.target)
        try:
            sink = await self._sink(tenant, name, CATALOGUE_SECONDS)
            if sink is None:
                sink = await self._sink(tenant, name, 0)
        except (CatalogueUnreadable, CasesUnavailable) as fault:
            return Fate(Result.PUT_OFF, str(fault), is_target_away=True)
        if sink is None:
            return Fate(Result.GIVEN_UP, f"the catalogue of {tenant} has no sink {name} any more")
        if sink.url is None:
            return await self._write(claimed, tenant, name)
        secret = self._secrets.get((tenant, name)) or self._secrets.get((None, name))
        if secret is None:
            return Fate(Result.PUT_OFF, NO_SECRET.format(name), is_target_away=True)
        return await self._post(claimed, sink.url, secret)

    async def _sink(self, tenant: str, name: str, seconds: float) -> NoticeSink | None:
        """Returns where a tenant wants its notices, or did so many seconds ago; None: nowhere."""
        async with self._reading:
            now = asyncio.get_running_loop().time()
            if now - self._versions_at >= seconds:
                self._versions, self._versions_at = await self._applied.tenants(), now
        version = self._versions.get(tenant)
        if version is None:
            return None
        sinks = self._sinks.get((tenant, version))
        if sinks is None:
            sinks = (await self._applied.read_catalogue(tenant, version)).notice_sinks
            keep(self._sinks, (tenant, version), sinks, TENANTS_REMEMBERED)
        return sinks.get(name)

    async def _write(self, claimed: Claimed, tenant: str, name: str) -> Fate:
        try:
            await self._files.append(tenant, name, [envelope(row) for row in claimed.rows])
        except OSError as fault:
            return Fate(Result.PUT_OFF, f"its file: {fault}", is_target_away=True)
        return DONE

    async def _post(self, claimed: Claimed, url: str, secret: str) -> Fate:
        clock, target = asyncio.get_running_loop().time, claimed.head.target
        if clock() < self._resting.get(target, 0):
            return Fate(Result.PUT_OFF, claimed.head.fault, is_target_away=True)
        until = clock() + AT_IT_SECONDS
        for place, row in enumerate(claimed.rows):
            if clock() > until:
                return Fate(Result.PUT_OFF, seconds=0, delivered=place, is_attempt=False)
            answer = await self._webhooks.post(url, secret, row.content["id"], envelope(row))
            if answer.rest_seconds is not None:
                self._resting[target] = clock() + answer.rest_seconds
            if answer.reception is not Reception.TAKEN:
                return _fate(answer, place)
        return DONE


def _fate(answer: Answer, delivered: int) -> Fate:
    """Returns what becomes of a notice that was not taken, and of those behind it."""
    if answer.reception is Reception.GONE:
        return Fate(Result.GIVEN_UP, answer.fault, delivered=delivered)
    is_away = answer.reception is Reception.AWAY
    return Fate(Result.PUT_OFF, answer.fault, delivered=delivered, is_target_away=is_away)
