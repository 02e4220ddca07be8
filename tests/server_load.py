#!/usr/bin/env python3
"""Many clients at once against a running server, by hand:

    build/release/hemiola serve --port 8380 --data /tmp/load &
    tests/server_load.py --port 8380 --clients 200 --seconds 60

Each client asks for short pieces and listens to them, lists pieces and reads one, in turn. Anything
but success and the documented 429 is an error. Prints latencies and the server's memory.
"""
import argparse
import asyncio
import json
import time


class Figures:
    def __init__(self):
        self.times = {}
        self.busy = 0
        self.errors = {}

    def took(self, what, seconds):
        self.times.setdefault(what, []).append(seconds)

    def error(self, what):
        self.errors[what] = self.errors.get(what, 0) + 1


async def request(port, method, path, cookie, body=None):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        payload = json.dumps(body).encode() if body is not None else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n"
        head += f"Cookie: hemiola_client={cookie}\r\nContent-Length: {len(payload)}\r\n\r\n"
        writer.write(head.encode() + payload)
        await writer.drain()
        text = await reader.read()
    finally:
        writer.close()
    head, _, body = text.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), body


async def listen(port, job, cookie, started, figures):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    first, end = None, None
    try:
        writer.write(f"GET /api/v1/jobs/{job}/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                     f"Cookie: hemiola_client={cookie}\r\n\r\n".encode())
        await writer.drain()
        while line := await reader.readline():
            if line == b"event: note\n" and first is None:
                first = time.monotonic() - started
            elif line == b"event: end\n":
                end = json.loads((await reader.readline())[6:])
    finally:
        writer.close()
    if end is None or end["state"] != "done":
        figures.error(f"job ended as {end}")
        return
    if first is not None:
        figures.took("first note", first)
    figures.took("whole job", time.monotonic() - started)


async def client(number, port, until, figures):
    cookie = f"{number:032x}"
    while time.monotonic() < until:
        try:
            for method, path, body in [("POST", "/api/v1/jobs", {"kind": "generate", "bars": 4}),
                                       ("GET", "/api/v1/pieces?limit=20", None)]:
                started = time.monotonic()
                status, text = await request(port, method, path, cookie, body)
                figures.took(f"{method} {path.split('?')[0]}", time.monotonic() - started)
                if status == 429:
                    figures.busy += 1
                    await asyncio.sleep(1)
                elif status not in (200, 202):
                    figures.error(f"{method} {path}: {status} {text[:200]}")
                elif status == 202:
                    await listen(port, json.loads(text)["id"], cookie, started, figures)
                else:
                    pieces = json.loads(text)["pieces"]
                    if pieces:
                        path = f"/api/v1/pieces/{pieces[number % len(pieces)]['id']}"
                        status, _ = await request(port, "GET", path, cookie)
                        if status not in (200, 429):
                            figures.error(f"GET piece: {status}")
        except (OSError, ValueError, IndexError) as error:
            figures.error(f"{type(error).__name__}: {error}")
            await asyncio.sleep(0.5)


async def memory(port):
    _, text = await request(port, "GET", "/metrics", "0" * 32)
    for line in text.decode().splitlines():
        if line.startswith("hemiola_resident_bytes "):
            return int(line.split()[1]) / 1e6
    return float("nan")


async def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    figures = Figures()
    before = await memory(options.port)
    until = time.monotonic() + options.seconds
    clients = [client(n, options.port, until, figures) for n in range(options.clients)]
    watch = asyncio.gather(*clients)
    while not watch.done():
        await asyncio.wait([watch], timeout=options.seconds / 4)
        print(f"memory of the server: {await memory(options.port):.1f} MB")
    print(f"memory before: {before:.1f} MB; answered 429: {figures.busy}")
    for what, times in sorted(figures.times.items()):
        times.sort()
        rank = lambda share: times[min(len(times) - 1, int(share * len(times)))] * 1e3
        print(f"{what}: {len(times)}, median {rank(0.5):.0f} ms, 99 % {rank(0.99):.0f} ms")
    print(f"errors: {figures.errors or 'none'}")
    raise SystemExit(1 if figures.errors else 0)


asyncio.run(main())
