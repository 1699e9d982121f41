"""What the tenant of the steps sells, and to whom."""

DATA, VOICE, TEXT, UNSOLD, UNKNOWN = 300, 100, 200, 400, 999
CALLS, FREE_CALLS, UNSOLD_CALLS = 501, 510, 520
PAGE, FILTERS, IPV4, IPV6, SIP, UNTOLD = range(701, 707)
CONTROLLED_DATA, CONTROLLED_CALLS, CONTROLLED_TEXTS, DATA_BY_HOURS = range(801, 805)
COUNTED_DATA = 900
DATA_BY_PLACE, CALLS_BY_PLACE, TEXTS_BY_PLACE = 601, 602, 603
MANY = range(300, 333)
"""One rating group more than a session may have."""
CROWD = range(40, 80)
"""The subscribers whose sessions run at once."""
LARGE, SMALL, PRICED, CALLING, TRAVELLING = "large", "small", "priced", "calling", "travelling"
ENDING, CONTROLLED, COUNTED = "ending", "controlled", "counted"
PLANS = {
    **dict.fromkeys(range(1, 20), LARGE),
    **dict.fromkeys(range(20, 30), SMALL),
    **dict.fromkeys(range(30, 40), PRICED),
    **dict.fromkeys(CROWD, LARGE),
    **dict.fromkeys(range(80, 90), CALLING),
    **dict.fromkeys(range(90, 100), TRAVELLING),
    **dict.fromkeys(range(100, 110), ENDING),
    **dict.fromkeys(range(110, 120), CONTROLLED),
    **dict.fromkeys(range(120, 150), COUNTED),
}
"""The plan of each subscriber."""
CREDIT = 20_000
"""What each has in money, in micro-units."""
