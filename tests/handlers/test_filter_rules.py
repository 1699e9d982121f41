"""Filter rules are those of the Diameter grammar; what is wrong is told with its place."""

import pytest

from diameter_ocs.handlers.filter_rules import checked_filter_rule


@pytest.mark.parametrize(
    "rule",
    [
        "permit in ip from any to any",
        "deny out ip from !assigned to assigned",
        "permit out 17 from 192.0.2.0/24 53 to assigned",
        "permit out 6 from 2001:db8::/32 80,443,8000-8080 to 2001:db8:1::1 1024-65535",
        "permit in 132 from !10.0.0.1/32 to any 0",
        "permit in 255 from 0.0.0.0/0 to assigned",
        "permit in 6 from any to any established",
        "permit in 6 from any to any setup tcpflags syn,!ack tcpoptions mss,!window",
        "permit in ip from any to any frag ipoptions ssrr,!ts",
        "deny in 1 from any to any icmptypes 0,8,11-12",
    ],
)
def test_what_the_grammar_allows_is_a_rule(rule: str) -> None:
    assert checked_filter_rule(rule) == rule
    assert checked_filter_rule(f"  {rule.replace(' ', '   ')} ") == rule


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("", "at character 1: here belongs permit or deny"),
        ("allow in ip from any to any", "at character 1: here belongs permit or deny, not allow"),
        ("permit", "at character 7: here belongs in or out"),
        ("permit both ip from any to any", "at character 8: here belongs in or out, not both"),
        ("permit in tcp from any to any", "at character 11: a protocol is a number: write 6 for"),
        ("permit in 256 from any to any", "at character 11: here belongs ip, for any protocol, or"),
        ("permit in 06 from any to any", "at character 11: here belongs ip, for any protocol, or"),
        ("permit in ip any to any", "at character 14: here belongs from, not any"),
        ("permit in ip from to any", "at character 19: here belongs any, assigned or an address"),
        ("permit in ip from ! to any", "at character 19: here belongs any, assigned or an address"),
        ("permit in ip from 192.0.2.1/24 to any", "19: 192.0.2.1/24 has bits beyond its mask"),
        ("permit in ip from 192.0.2.0/33 to any", "at character 19: here belongs any, assigned"),
        ("permit in ip from any any", "at character 23: here belongs to, not any"),
        ("permit in ip from any to", "at character 25: here belongs any, assigned or an address"),
        ("permit in ip from any 80 to any", "at character 23: ports are for protocol 6 (TCP)"),
        ("permit in 6 from any 65536 to any", "at character 22: write ports as 80,8000-8080, each"),
        ("permit in 6 from any 9-8 to any", "at character 22: write ports as"),
        ("permit in 6 from any 80,, to any", "at character 22: write ports as"),
        ("permit in ip from 10.0.0.1 to ::1", "at character 31: no packet goes from one version"),
        ("permit in ip from any to any log", "at character 30: here may stand frag, established"),
        ("permit in 6 from any to any tcpflags", "at character 37: tcpflags are some of fin,syn"),
        ("permit in 6 from any to any tcpflags sync", "at character 38: tcpflags are some of"),
        ("permit in 1 from any to any icmptypes 256", "at character 39: write icmptypes as"),
        ("permit in 6 from any 80 to any frag", "at character 32: fragments have no ports"),
        ("permit in 6 from any to any frag tcpflags syn", "34: fragments have no ports"),
        ("permit in ip from any to any" + " frag" * 40, "up to 200 ASCII characters"),
        ("permit in ip from any to äny", "up to 200 ASCII characters"),
    ],
)  # fmt: skip
def test_what_is_no_rule_is_told_with_its_place(rule: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"^at character|^a filter rule") as caught:
        checked_filter_rule(rule)
    assert reason in str(caught.value)
