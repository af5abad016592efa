"""A WebSocket server and a client that tries it, of the library `websockets`.

    websocket_peer.py serve          prints its port, then serves
    websocket_peer.py try ADDRESS [CERTIFICATE]    runs all cases, over TLS if the server's certificate is given;
                                                   prints what failed
"""

import asyncio
import http
import ssl
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

PATIENCE = 60


async def echo(socket):
    async for message in socket:
        if isinstance(message, str) and message.startswith("close "):
            _, code, reason = message.split(" ")
            await socket.close(int(code), reason)
        elif message == "ping":
            await asyncio.wait_for(await socket.ping(b"server"), PATIENCE)
            await socket.send("ponged")
        elif message == "drop":
            socket.transport.abort()
        else:
            await socket.send(message)


def gate(socket, request):
    if request.path.endswith("/forbidden"):
        return socket.respond(http.HTTPStatus.FORBIDDEN, "not you\n")
    return None


async def host():
    choose = lambda _, offered: next((name for name in ("v2", "v1") if name in offered), None)
    options = {"select_subprotocol": choose, "process_request": gate, "max_size": None, "ping_interval": None}
    async with serve(echo, "127.0.0.1", 0, **options) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


class Cases:
    def __init__(self, address, certificate):
        self.url = f"ws://{address}/ws"
        if certificate:
            self.url = f"wss://{address}/ws"
            self.tls = {"ssl": ssl.create_default_context(cafile=certificate), "server_hostname": "localhost"}
        else:
            self.tls = {}

    def open(self, path="", **options):
        return connect(self.url + path, max_size=None, proxy=None, **self.tls, **options)

    async def texts_and_bytes(self):
        async with self.open() as socket:
            for message in ["hello", "\u00fcber", "", b"\0\xff", b""]:
                await socket.send(message)
                assert await socket.recv() == message, message

    async def fragments(self):
        async with self.open() as socket:
            await socket.send(["a", "b" * 70_000, "", "c"])
            assert await socket.recv() == "a" + "b" * 70_000 + "c"

    async def large_messages(self):
        async with self.open(compression=None) as socket:
            for size in [125, 126, 65_535, 65_536, 8 << 20]:
                await socket.send(b"x" * size)
                assert len(await socket.recv()) == size

    async def pings_both_ways(self):
        async with self.open() as socket:
            await asyncio.wait_for(await socket.ping(b"client"), PATIENCE)
            await socket.send("ping")
            assert await socket.recv() == "ponged"

    async def compression(self):
        for wanted, agreed in [("deflate", True), (None, False)]:
            async with self.open(compression=wanted) as socket:
                names = [extension.name for extension in socket.protocol.extensions]
                assert ("permessage-deflate" in names) == agreed, names
                await socket.send("z" * 100_000)
                assert await socket.recv() == "z" * 100_000

    async def subprotocols(self):
        for offered, chosen in [(["v1"], "v1"), (["v1", "v2"], "v2"), (["v9"], None), (None, None)]:
            async with self.open(subprotocols=offered) as socket:
                assert socket.subprotocol == chosen, socket.subprotocol

    async def close_codes(self):
        for code, reason in [(1000, "done"), (1001, "away"), (4001, "own")]:
            async with self.open() as socket:
                await socket.send(f"close {code} {reason}")
                try:
                    await socket.recv()
                    raise AssertionError("still open")
                except ConnectionClosed as closed:
                    assert (closed.rcvd.code, closed.rcvd.reason) == (code, reason), closed
        async with self.open() as socket:
            await socket.close(4002, "mine")
            assert socket.close_code == 4002, socket.close_code

    async def a_server_that_breaks_off(self):
        async with self.open() as socket:
            await socket.send("drop")
            try:
                await asyncio.wait_for(socket.recv(), PATIENCE)
                raise AssertionError("still open")
            except ConnectionClosed as closed:
                assert closed.rcvd is None, closed

    async def refused(self):
        try:
            async with self.open("/forbidden"):
                raise AssertionError("it was let in")
        except InvalidStatus as error:
            assert error.response.status_code == 403, error
            assert error.response.body == b"not you\n", error.response.body

    async def many_at_once(self):
        async def one(number):
            async with self.open() as socket:
                for turn in range(10):
                    await socket.send(f"{number} {turn}")
                    assert await socket.recv() == f"{number} {turn}"

        await asyncio.gather(*(one(number) for number in range(100)))


async def attempt(address, certificate=None):
    failed = 0
    for name in [name for name in vars(Cases) if name != "open" and name[0] != "_"]:
        try:
            await asyncio.wait_for(getattr(Cases(address, certificate), name)(), PATIENCE)
            print(f"ok {name}", flush=True)
        except Exception as error:  # what it is stands in the report
            failed += 1
            print(f"FAILED {name}: {type(error).__name__} {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(host())
    else:
        sys.exit(asyncio.run(attempt(*sys.argv[2:])))
