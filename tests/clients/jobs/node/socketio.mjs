// socket.io with the Redis adapter: three server processes, each with clients, and the first sends numbered messages to all; for
// run_jobs.py. A server is a worker: it has done a message when a client of its own has received it. The first argument names the library.
import { fork } from "node:child_process";
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import Redis from "ioredis";
import { createClient } from "redis";
import { Server } from "socket.io";
import { io } from "socket.io-client";
import { connection, done, produce, rest, versionOf } from "./work.mjs";

const [library, role] = process.argv.slice(2);

async function connect() {
  const { host, port, password, tls } = connection;
  const client = library === "ioredis" ? new Redis(connection)
    : createClient({ username: "default", password, socket: { host, port, tls: true, ca: tls.ca } });
  client.on("error", (error) => console.error(`${library}: ${error}`));
  if (library === "redis") await client.connect();
  return client;
}

async function serve(receive) {
  const http = createServer();
  const server = new Server(http, { adapter: createAdapter(await connect(), await connect()) });
  server.of("/").adapter.on("error", (error) => console.error(`adapter: ${error}`));
  await new Promise((listening) => http.listen(0, "127.0.0.1", listening));
  const client = io(`http://127.0.0.1:${http.address().port}`, { transports: ["websocket"] });
  client.on("message", receive);
  await new Promise((connected) => client.on("connect", connected));
  return server;
}

if (role === "worker") {
  await serve((number) => done(number, process.pid));
  process.on("disconnect", () => process.exit());
  process.send("ready");
  await rest();
} else {
  const server = await serve(() => {});
  const workers = [0, 1].map(() => fork("socketio.mjs", [library, "worker"], { stdio: ["ignore", 2, 2, "ipc"] }));
  await Promise.all(workers.map((worker) => new Promise((ready) => worker.once("message", ready))));
  await produce(versionOf("@socket.io/redis-adapter"), 10, async (number) => server.emit("message", number));
  await rest();
}
