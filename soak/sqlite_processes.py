"""Eight processes write one SQLite file: nobody is told that it is locked, nobody waits long, and nothing is lost.

`SOAK_WRITES` says how many transactions each process makes when the time is not what ends it: 100,000 by default.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ectype.adapters.registry import adapter_for

PROCESSES = 8
WRITES = int(os.environ.get("SOAK_WRITES", "100000"))
LONGEST_WAIT_SECONDS = 1.0

WRITER = """
import asyncio, sys, time
from ectype.adapters.base import Begin
from ectype.adapters.registry import adapter_for

async def main():
    connection = await adapter_for(sys.argv[1]).connect(20)
    end = time.monotonic() + float(sys.argv[3])
    waits, writes = [], 0
    while writes < int(sys.argv[2]) and time.monotonic() < end:
        began = time.monotonic()
        await connection.begin(Begin())
        waits.append(time.monotonic() - began)
        [(count,)] = await connection.fetch("SELECT count FROM counter", (), list)
        await connection.execute("UPDATE counter SET count = ?1", (count + 1,))
        await connection.commit()
        writes += 1
    await connection.close()
    waits.sort()
    print(writes, waits[-1], waits[len(waits) * 99 // 100], waits[len(waits) // 2])

asyncio.run(main())
"""


async def run(seconds: float) -> Iterable[str]:
    """Write for so many seconds, or until every process has made its transactions; return what was measured.

    Raises:
        AssertionError: a process failed, an acknowledged write is missing, or a writer waited longer than a second.
    """
    with tempfile.TemporaryDirectory(prefix="ectype-soak-") as folder:
        url = f"sqlite:///{Path(folder) / 'counter.db'}"
        connection = await adapter_for(url).connect(20)
        await connection.script("CREATE TABLE counter (count integer) STRICT; INSERT INTO counter VALUES (0)")
        said = await _write(url, seconds)
        count = await connection.fetch("SELECT count FROM counter", (), lambda rows: rows[0][0])
        whole = await connection.fetch("PRAGMA integrity_check", (), lambda rows: rows[0][0])
        await connection.close()
    writes = sum(int(one[0]) for one in said)
    longest = max(float(one[1]) for one in said)
    late = max(float(one[2]) for one in said)
    middle = max(float(one[3]) for one in said)
    assert count == writes, f"{writes} writes were acknowledged, and the file has {count}"
    assert whole == "ok", f"the file is damaged: {whole}"
    assert longest <= LONGEST_WAIT_SECONDS, f"a writer waited {longest:.3f} s, more than {LONGEST_WAIT_SECONDS:g} s"
    return (
        f"{PROCESSES} processes on one SQLite file: {writes} transactions, none refused, none lost",
        f"wait for the write lock: median {middle * 1e3:.1f} ms, 99 % {late * 1e3:.1f} ms, "
        f"longest {longest * 1e3:.1f} ms",
    )


async def _write(url: str, seconds: float) -> list[list[str]]:
    command = [sys.executable, "-W", "error", "-c", WRITER, url, str(WRITES), str(seconds)]
    writers = [
        await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        for _ in range(PROCESSES)
    ]
    try:
        async with asyncio.timeout(seconds + 60):
            answers = await asyncio.gather(*(writer.communicate() for writer in writers))
    finally:
        for writer in writers:
            if writer.returncode is None:
                writer.kill()
                await writer.wait()
    errors = [error.decode().strip()[-500:] for _, error in answers if error]
    assert not errors, f"{len(errors)} of {PROCESSES} processes failed: {errors[0]}"
    return [answer.decode().split() for answer, _ in answers]
