"""The client libraries that are tested, and how each program is prepared and started.

`needs` are programs that must be there; a client whose language is missing is skipped. `fetch` may use the network and leaves all
that is needed in the work folder or in the language's own cache: when it fails, the client is skipped, for a machine without network
is no fault of the portal. `build` must do without network, and a failure of it is a failure of the test. `note` stands in
docs/use/clients.md. In commands, {work} is the client's work folder and {python} a Python with pip.
"""

import sys
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Client:
    name: str
    language: str
    run: list
    folder: str  # holds the program, and pins the versions of all libraries of its language
    needs: tuple = ()
    fetch: tuple = ()
    build: tuple = ()
    probe: list = field(default_factory=list)  # a command that fails when a Debian package is missing
    environment: dict = field(default_factory=dict)
    note: str = ""


_PIP = ["{python}", "-m", "pip", "install", "--quiet", "--retries", "1", "--timeout", "20", "--only-binary", ":all:", "--no-deps",
        "--upgrade", "--target", "{work}/site", "--requirement", "requirements.txt"]
_NPM = ["npm", "ci", "--engine-strict", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1", "--fetch-timeout=60000"]


def _python(name, *run, note=""):
    return Client(name, "Python", ["{python}", "-B", *run], folder="python", fetch=(_PIP,), environment={"PYTHONPATH": "{work}/site"},
                  note=note)


def _node(name, *run, note=""):
    return Client(name, "JavaScript", ["node", *run], folder="node", needs=("node", "npm"), fetch=(_NPM,), note=note)


def _go(name, program, note=""):
    return Client(name, "Go", ["{work}/bin/" + program], folder="go", needs=("go",), fetch=(["go", "mod", "download"],),
                  build=(["go", "build", "-o", "bin/", "./..."],), note=note,
                  environment={"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0"})


def _java(name, program, note=""):
    return Client(
        name, "Java", ["java", "-XX:TieredStopAtLevel=1", "-cp", "{work}/classes:{work}/lib/*", "clients." + program], folder="java",
        needs=("mvn", "javac"), note=note,
        fetch=(["mvn", "--batch-mode", "--quiet", "dependency:copy-dependencies", "-DoutputDirectory=lib"],),
        build=(["javac", "-d", "classes", "-cp", "lib/*", "--source-path", ".",
                "clients/JedisProgram.java", "clients/LettuceProgram.java", "clients/WritesProgram.java"],))


CLIENTS = [
    Client("redis-cli", "C", [sys.executable, "-B", "redis_cli.py"], folder="redis-cli", needs=("redis-cli",)),
    Client("hiredis", "C", ["{work}/hiredis"], folder="c", needs=("cc",),
           build=(["cc", "-std=gnu11", "-Wall", "-Wextra", "-O1", "-g", "-o", "hiredis", "hiredis.c", "tls_socket.c",
                   "-lhiredis", "-lssl", "-lcrypto", "-pthread"],),
           note="has no TLS of its own in Debian's version; it is given a socket behind which the test's program speaks TLS, and "
                "another one when that is lost."),
    _python("redis-py", "redis_py.py", "redis",
            note="asks for CLIENT MAINT_NOTIFICATIONS, which the portal refuses as redis-server does unless `maintenance` says otherwise; the library goes on without. Its "
                 "cache refuses a server before Redis 7.4, whose version HELLO tells; the portal passes on that of the leader."),
    _python("redis-py-asyncio", "redis_py_asyncio.py"),
    _python("valkey-py", "redis_py.py", "valkey"),
    _python("valkey-glide", "valkey_glide.py"),
    _node("node-redis", "node_redis.mjs"),
    _node("ioredis", "ioredis.mjs", "ioredis",
          note="sends INFO and waits until `loading:0` before it is ready; the portal passes INFO to the leader."),
    _node("iovalkey", "ioredis.mjs", "iovalkey"),
    _go("go-redis", "goredis"),
    _go("rueidis", "rueidis",
        note="turns on CLIENT TRACKING at every connection unless `DisableCache` is set. Such a connection is pinned to a link of its own "
             "and is closed when the leader changes, so that the cache is dropped; all scenarios but `tracking` run without."),
    _java("Jedis", "JedisProgram",
          note="takes a certificate of any name that the CA signed, unless its SSLParameters ask for HTTPS identification, as the "
               "test does."),
    _java("Lettuce", "LettuceProgram"),
    Client("redis-rs", "Rust", ["{work}/target/debug/redis-rs"], folder="rust", needs=("cargo",),
           fetch=(["cargo", "fetch", "--locked"],), build=(["cargo", "build", "--offline", "--locked", "--quiet"],),
           environment={"CARGO_TARGET_DIR": "{work}/target", "CARGO_NET_RETRY": "1"},
           note="its blocking connection does not connect again by itself; the test asks the same `Client` for another."),
    Client("phpredis", "PHP", ["php", "phpredis.php"], folder="php", needs=("php",),
           probe=["php", "-r", "exit(extension_loaded('redis') ? 0 : 1);"]),
    Client("redis-rb", "Ruby", ["ruby", "redis_rb.rb"], folder="ruby", needs=("ruby",), probe=["ruby", "-e", "require 'redis'"]),
]
