"""Tenants: each refusal has its code, and who is suspended can be resumed."""

from collections.abc import Awaitable

import pytest

from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.handlers.commands import Order
from diameter_ocs.handlers.refusals import Refusal
from diameter_ocs.handlers.tenants import (
    create_tenant,
    resume_tenant,
    show_tenant,
    suspend_tenant,
)
from diameter_ocs.store.memory import MemoryStore
from tests.handlers.virtual_time import play
from tests.store.scenario import ORDER


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(read_stored)


async def code_of(command: Awaitable[object]) -> str:
    with pytest.raises(Refusal) as caught:
        await command
    return caught.value.code


def test_a_tenant_is_made_once(store: MemoryStore) -> None:
    async def story() -> None:
        await create_tenant(store, "demo", ORDER)
        assert await store.tenants() == {"demo": None}
        assert await code_of(create_tenant(store, "demo", ORDER)) == "tenant_exists"

    play(story())


@pytest.mark.parametrize("name", ["", " ", "x" * 51, "a\0b", "a\nb", " a", "\udcff"])
def test_a_tenant_has_a_name_that_can_be_read(store: MemoryStore, name: str) -> None:
    assert play(code_of(create_tenant(store, name, ORDER))) == "invalid_name"


def test_a_tenant_is_suspended_and_resumed(store: MemoryStore) -> None:
    async def story() -> None:
        await create_tenant(store, "demo", ORDER)
        active = await show_tenant(store, "demo")
        assert active == {"tenant": "demo", "catalogue_version": None, "suspended_at": None}
        assert await code_of(resume_tenant(store, "demo", ORDER)) == "tenant_state"
        done = await suspend_tenant(store, "demo", Order("anna", at=0))
        assert done.answer == {**active, "suspended_at": "1970-01-01T00:00:00.000000Z"}
        assert await show_tenant(store, "demo") == done.answer
        assert await code_of(suspend_tenant(store, "demo", ORDER)) == "tenant_state"
        assert (await resume_tenant(store, "demo", ORDER)).answer == active

    play(story())


def test_a_tenant_that_is_not_there_is_told(store: MemoryStore) -> None:
    for command in (show_tenant(store, "demo"), suspend_tenant(store, "demo", ORDER)):
        assert play(code_of(command)) == "tenant_unknown"
