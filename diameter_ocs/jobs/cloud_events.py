"""Notices as CloudEvents 1.0 in JSON, as webhooks and files get them."""

from urllib.parse import quote

import msgspec

from ..charging.delivery import OutboxRow
from ..charging.notice_types import sink_named

CONTENT_TYPE = "application/cloudevents+json"
_encode = msgspec.json.Encoder().encode


def envelope(row: OutboxRow) -> bytes:
    """Returns a notice of the outbox as it is sent: what repeats it is the same, octet by octet."""
    tenant, _ = sink_named(row.target)
    content = row.content
    return _encode(
        {
            "specversion": "1.0",
            "id": content["id"],
            "source": f"/tenants/{quote(tenant, safe='')}",
            "type": content["type"],
            "subject": content["subject"],
            "time": content["time"],
            "datacontenttype": "application/json",
            "data": content["data"],
        }
    )
