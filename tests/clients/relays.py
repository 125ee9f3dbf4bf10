"""Two TCP addresses in front of the portals, for the scenarios that need one: SharedAddress passes each connection to the first
portal that lives, as a NodePort or a load balancer does; RecordingAddress ends TLS and writes down what a client sends.
Each test process runs one event loop in a thread of its own for both.
"""

import asyncio
import ssl
import threading

CHUNK = 1 << 16


class _Address:
    def __init__(self, loop):
        self._loop = loop
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), loop).result()
        self.port = self._server.sockets[0].getsockname()[1]

    def _server_context(self):
        return None

    async def _listen(self):
        return await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._server_context())

    async def _serve(self, reader, writer):
        try:
            upstream_reader, upstream_writer = await self._connect()
        except OSError:
            writer.close()
            return
        sent = self._recording()
        await asyncio.gather(_pump(reader, upstream_writer, sent), _pump(upstream_reader, writer, None))

    def _recording(self):
        return None


class SharedAddress(_Address):
    def __init__(self, loop, portals):
        self._portals = portals
        super().__init__(loop)

    async def _connect(self):
        for portal in self._portals[:-1]:
            try:
                return await asyncio.open_connection("127.0.0.1", portal.port)
            except OSError:
                continue
        return await asyncio.open_connection("127.0.0.1", self._portals[-1].port)


class RecordingAddress(_Address):
    def __init__(self, loop, portal, ca_file, certificate, key):
        self._portal = portal
        self._ca_file = ca_file
        self._certificate = certificate
        self._key = key
        self._connections = []
        super().__init__(loop)

    def _server_context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate, self._key)
        return context

    async def _connect(self):
        context = ssl.create_default_context(cafile=self._ca_file)
        return await asyncio.open_connection("127.0.0.1", self._portal.port, ssl=context)

    def _recording(self):
        self._connections.append(bytearray())
        return self._connections[-1]

    def requests(self):
        """What the first connection that sent something sent before its PING, passwords left out."""
        for sent in self._connections:
            if sent:
                return _before_ping(_parse(bytes(sent)))
        return []


async def _pump(reader, writer, copy):
    try:
        while data := await reader.read(CHUNK):
            if copy is not None and len(copy) < CHUNK:
                copy += data
            writer.write(data)
            await writer.drain()
    except (OSError, ssl.SSLError):
        pass  # either side is gone; the other learns it by the close below
    writer.close()


def _parse(data):
    """The complete commands in `data`, each a list of words."""
    commands, lines = [], iter(data.split(b"\r\n"))
    try:
        for line in lines:
            if line.startswith(b"*"):
                words = []
                for _ in range(int(line[1:])):
                    next(lines)
                    words.append(next(lines).decode(errors="replace"))
                commands.append(words)
            elif line:
                commands.append(line.decode(errors="replace").split())
    except (StopIteration, RuntimeError):
        pass  # the last command was cut off
    return commands


def _before_ping(commands):
    shown = []
    for words in commands:
        if words and words[0].upper() == "PING":
            break
        upper = [word.upper() for word in words]
        if upper[0] == "AUTH":
            words = [*words[:-1], "***"]
        elif upper[0] == "HELLO" and "AUTH" in upper:
            words[upper.index("AUTH") + 2] = "***"
        shown.append(" ".join(words))
    return shown


def start_loop():
    """An event loop in a thread that ends with the process."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda _loop, _context: None)  # a foreign CA ends handshakes, a killed portal connections
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop
