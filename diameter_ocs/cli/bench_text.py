"""The result of `bench` as a person reads it: the rate first, then its price, then the proof."""

from collections.abc import Iterator, Mapping
from typing import Any

from . import bench_sy
from .bench_run import PGBENCH_CLIENTS


def lines(result: Mapping[str, Any]) -> Iterator[str]:
    """Yields what to print."""
    latency, cpu = result["latency_ms"], result["cpu_us_per_ccr"]
    octets = result["request_octets"].values()
    codes = ", ".join(f"{code}: {count}" for code, count in result["result_codes"].items())
    yield f"{result['ccr_per_second']:.0f} CCR/s durably charged ({codes})"
    yield (
        f"latency ms   p50 {latency['p50']:.1f}  p95 {latency['p95']:.1f}"
        f"  p99 {latency['p99']:.1f}  max {latency['max']:.1f}"
    )
    if result["late"]:
        yield f"late         {result['late']} requests; of these never sent: {result['unsent']}"
    yield "CPU us/CCR   " + "  ".join(f"{name} {used}" for name, used in cpu.items())
    yield (
        f"WAL          {result['wal_octets_per_ccr']} octets/CCR,"
        f" requests of {min(octets)} to {max(octets)} octets"
    )
    if result["pgbench_tps"] is not None:
        yield (
            f"pgbench      {result['pgbench_tps']:.0f} one-row updates/s,"
            f" {PGBENCH_CLIENTS} connections"
        )
    if result["sy"] is not None:
        yield from bench_sy.lines(result["sy"])
    if "profile" in result:
        yield from _profile_lines(result["profile"])
    yield (
        f"answers {result['answers']}, EDRs {result['edrs']},"
        f" octets reported {result['reported_octets']['answered']},"
        f" in the journal {result['reported_octets']['journal']}"
    )
    yield "the books agree" if result["agree"] else "THE BOOKS DO NOT AGREE"


def _profile_lines(profile: Mapping[str, Any]) -> Iterator[str]:
    yield f"server, CPU us per CCR by stage ({profile['samples']} samples)"
    for stage, microseconds in profile["cpu_us_per_ccr"].items():
        yield f"  {stage:<20}{microseconds:8.1f}"
    if "wall_us" in profile:
        yield "server, us that pass on average"
        for name, microseconds in profile["wall_us"].items():
            yield f"  {name:<20}{microseconds:8.0f}"
