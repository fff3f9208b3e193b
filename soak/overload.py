"""Ten times the load that can be sustained: those that are served wait little, the rest is refused at once."""

from collections.abc import Iterable

from benchmarks.workloads.overload import GIVE_UP_SECONDS, TARGET, TIMES, bare, ectype
from soak.servers import database


async def run(seconds: float) -> Iterable[str]:
    """p99 ≤ two queue targets, throughput ≥ 95 % of the peak, half of the refusals within a tenth of the target."""
    async with database() as url:
        peak, outcome = await ectype(url, seconds)
        bare_peak, bare_outcome = await bare(url, min(seconds, 4 * GIVE_UP_SECONDS))
    lines = [
        f"ectype, {TIMES} × {peak:.0f}/s: {outcome}",
        f"asyncpg.Pool, {TIMES} × {bare_peak:.0f}/s: {bare_outcome}",
    ]
    said = "\n   ".join(lines)
    assert outcome.p99 <= 2 * TARGET, f"p99 is above {2 * TARGET * 1e3:.0f} ms\n   {said}"
    assert outcome.per_second >= 0.95 * peak, f"less than 95 % of the peak was served\n   {said}"
    assert outcome.refused_p50 <= TARGET / 10, f"half of the refusals came late\n   {said}"
    return lines
