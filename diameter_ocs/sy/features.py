"""Which features both sides support (TS 29.219 section 5.1.6, TS 29.229 section 7.2)."""

from ..base.codec import Group
from ..base.dictionary import Dictionary

FEATURE_LIST = 1
"""The only list of features of this application."""

_SUPPORTED_FEATURES = "Supported-Features"


def features_of(group: Group, dictionary: Dictionary) -> int | None:
    """Returns the bits of a message's feature list; None: it has none."""
    vendor_id = dictionary.avp(_SUPPORTED_FEATURES).vendor_id
    lists = [
        features.first("Feature-List")
        for features in group.all(_SUPPORTED_FEATURES)
        if features.first("Vendor-Id") == vendor_id
        and features.first("Feature-List-ID") == FEATURE_LIST
    ]
    return lists[0] if lists else None


def supported_features(features: int, dictionary: Dictionary) -> bytes:
    """Returns the AVP that tells of features."""
    members = [
        ("Vendor-Id", dictionary.avp(_SUPPORTED_FEATURES).vendor_id),
        ("Feature-List-ID", FEATURE_LIST),
        ("Feature-List", features),
    ]
    return dictionary.encode(_SUPPORTED_FEATURES, members)
