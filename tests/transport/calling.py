"""A handler of a connection that a test opens."""

import asyncio

from diameter_ocs.transport.association import Association, PathState, Place


class Caller:
    """Who connects to a peer; it sends a CER and hears the others."""

    def __init__(self, capabilities: bytes) -> None:
        self._capabilities = capabilities
        self.association: Association | None = None
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    def connection_made(self, association: Association) -> None:
        self.association = association
        association.send([self._capabilities])

    def data_received(self, octets: bytes) -> None:
        self.heard.put_nowait(octets)

    def path_changed(self, place: Place, state: PathState) -> None:
        raise AssertionError("a stream has one path")

    def not_sent(self, octets: bytes, error: OSError) -> None:
        raise AssertionError("a stream sends whatever there is")

    def pause_writing(self) -> None:
        pass

    def resume_writing(self) -> None:
        pass

    def connection_lost(self, error: Exception | None) -> None:
        self.lost.set_result(error)
