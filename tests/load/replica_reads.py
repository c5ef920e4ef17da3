"""What a replica takes off the primary: CPU of each server for the same reads, with it and without.

On one machine it can't make anything faster, so what is counted is the work: seconds of CPU of the
primary's and the replica's processes for the same requests, in turn.

    .venv/bin/python tests/load/replica_reads.py --requests 2000
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

import httpx

sys.path.append(str(Path(__file__).parents[1]))
sys.path.append(str(Path(__file__).parents[1] / "http"))

from http_site import TOKENS, fill

from embedded_processes import postmaster, until
from place import Place
from replicas import pair_of_servers

PATHS = ("/collection?limit=50", "/plays?limit=50", "/collection/stats", "/releases?limit=50")
CLIENTS = 8
TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(home: Path) -> float:
    """Return what a server's processes have used, those that have ended included."""
    parent = postmaster(home)
    assert parent is not None
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    total = 0
    for pid in (str(parent), *children):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        used, of_children = fields[11:13], fields[13:15]
        total += sum(map(int, used + (of_children if pid == str(parent) else [])))
    return total / TICK


async def read(url: str, requests: int) -> None:
    headers = {"Authorization": f"Bearer {TOKENS['alice']}"}
    numbers = iter(range(requests))

    async def client() -> None:
        async with httpx.AsyncClient(base_url=f"{url}/api/v1", headers=headers, timeout=60) as http:
            for number in numbers:
                (await http.get(PATHS[number % len(PATHS)])).raise_for_status()

    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(client())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kleio-reads-") as folder, pair_of_servers() as pair:
        fill(pair.first.conninfo)
        place = Place(Path(folder))
        try:
            alone = place.serve(DATABASE_URL=pair.first.conninfo)
            beside = place.serve(
                DATABASE_URL=pair.first.conninfo, DATABASE_REPLICA_URL=pair.second.conninfo
            )
            until(lambda: beside.get("/health").json()["replica"]["status"] == "ok")
            print("server           primary ms/request  replica ms/request")
            for _ in range(options.rounds):
                for name, process in (("alone", alone), ("with a replica", beside)):
                    before = [cpu_seconds(pair.first_home), cpu_seconds(pair.second_home)]
                    asyncio.run(read(process.url, options.requests))
                    after = [cpu_seconds(pair.first_home), cpu_seconds(pair.second_home)]
                    spent = [
                        (late - early) * 1000 / options.requests
                        for early, late in zip(before, after, strict=True)
                    ]
                    print(f"{name:<15}  {spent[0]:>18.3f}  {spent[1]:>18.3f}", flush=True)
        finally:
            place.end()


if __name__ == "__main__":
    main()
