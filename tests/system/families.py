"""Families that share money and data, buy at prices by place and minute, and have little of it."""

from datetime import datetime, timedelta
from pathlib import Path

from diameter_ocs.simulator.encoding import Subscriber
from tests.system.serving import Demonstration

VOICE, TEXT, DATA, SOCIAL = 100, 200, 300, 310
HOME, EUROPE, WORLD = "26201", "20801", "310410"
MEMBERS = ("parent", "son", "daughter")
PRICED_MINUTES = 30
CREDIT = "0.25"

CATALOGUE = """
tenant: families
currency: EUR
home_networks: 262/01
home_countries: [DE]
rating_groups:
  - id: 100
    name: Voice
    unit_type: time
    final_unit: {{action: TERMINATE}}
  - id: 200
    name: Text
    unit_type: units
    default_quota: 3
    final_unit: {{action: RESTRICT_ACCESS, filter_ids: [pay]}}
  - id: 300
    name: Data
    unit_type: volume
    rounding: 1 KiB
    default_quota: 512 KiB
    final_unit: {{action: REDIRECT, servers: ["https://pay.example/{{account}}"]}}
    children:
      - {{id: 310, name: Social, rounding: 1}}
balance_types:
  - {{name: data, unit_type: volume}}
  - {{name: text, unit_type: units}}
  - {{name: money, unit_type: money}}
plans:
"""
PLAN = """
  - name: {name}
    services:
      - {{name: data, rating_groups: [300], allowance: {{balance_type: data, amount: {octets}}}}}
      - {{name: texts, rating_groups: [200], allowance: {{balance_type: text, amount: {texts}}}}}
      - name: more data
        priority: 1
        rating_groups: [300]
        rates:
          - {{zone: odd, price: {{amount: 0.010, per: 1 MiB}}, when: {{at: home, hours: {odd}}}}}
          - {{zone: even, price: {{amount: 0.005, per: 1 MiB}}, when: {{at: home}}}}
          - zone: Europe
            price: {{amount: 0.02, per: 1 MiB, tax: 0.19}}
            when: {{countries: FR}}
          - {{zone: world, price: {{amount: 0.03, per: 1 MiB, initial_charge: 0.003}}}}
      - name: calls
        rating_groups: [100]
        rates:
          - {{zone: odd, price: {{amount: 0.006, per: 1 min}}, when: {{at: home, hours: {odd}}}}}
          - {{zone: even, price: {{amount: 0.002, per: 1 min}}, when: {{at: home}}}}
          - {{zone: abroad, price: {{amount: 0.01, per: 1 min, minimum_units: 60 s}}}}
      - name: more texts
        priority: 1
        rating_groups: [200]
        price: {{amount: 0.003}}
"""


def catalogue(now: datetime) -> str:
    """Return what families buy: from now on prices at home change every minute."""
    minutes = [now + timedelta(minutes=number) for number in range(PRICED_MINUTES)]
    odd = ",".join(
        f"{minute:%H:%M}-{minute + timedelta(minutes=1):%H:%M}"
        for minute in minutes
        if minute.minute % 2
    )
    hours = f'{{times: "{odd}"}}'
    plans = (("parent", "4 MiB", 0), ("child", "0", 5))
    return CATALOGUE.format() + "".join(
        PLAN.format(name=name, octets=octets, texts=texts, odd=hours)
        for name, octets, texts in plans
    )


def subscriber(family: int, member: int) -> Subscriber:
    """Return who one of a family is."""
    number = 10 * family + member
    return Subscriber(imsi=f"26201{number:010d}", msisdn=f"49151{number:08d}")


def open_families(demo: Demonstration, folder: Path, now: datetime, families: int) -> None:
    """Have some families in the demonstration: a parent who has something, and two children."""
    file = folder / "families.yaml"
    file.write_text(catalogue(now))
    demo.command("tenant", "create", "families")
    demo.command("catalogue", "apply", file)
    for family in range(families):
        for member, name in enumerate(MEMBERS):
            whose = subscriber(family, member)
            above = ("--parent", f"parent-{family}") if member else ("--credit", CREDIT)
            demo.command(
                *("account", "create", f"{name}-{family}", "--tenant", "families"),
                *("--plan", "child" if member else "parent", *above),
                *("--identity", f"imsi:{whose.imsi}", "--identity", f"msisdn:{whose.msisdn}"),
            )


def credit(demo: Demonstration, families: int) -> None:
    """Give every family money."""
    for family in range(families):
        demo.command("balance", "credit", f"parent-{family}", CREDIT, "--tenant", "families")
