// ioredis and node-redis with their default settings, for run_writes.py: each worker has a client of its own, counts up its counter and
// pushes its ids. The first argument names the library.
import readline from "node:readline/promises";
import * as at from "./report.mjs";

const workers = 50;
const pause = () => new Promise((done) => setTimeout(done, 5));
const library = process.argv[2];
let stop = false;

async function connect() {
  const loaded = await import(library);
  const login = { username: at.username, password: at.password };
  const client = library === "redis"
    ? loaded.createClient({ ...login, socket: { host: at.host, port: at.port, tls: true, ca: at.ca } })
    : new loaded.default({ ...login, host: at.host, port: at.port, tls: { ca: at.ca } });
  client.on("error", () => {}); // counted where a command fails
  if (library === "redis") await client.connect();
  return client;
}

/** The code of an error that the server answered, else the kind of error. */
function named(error) {
  const word = String(error.message).split(" ")[0];
  return /^[A-Z]{4,}$/.test(word) ? word : error.constructor.name;
}

async function work(number) {
  const counted = { tried: 0, failed: [], values: [], errors: {} };
  const client = await connect();
  const attempt = async (write) => {
    try {
      return await write();
    } catch (error) {
      counted.errors[named(error)] = (counted.errors[named(error)] ?? 0) + 1;
      return null;
    }
  };
  const run = async () => {
    while (!stop) {
      counted.values.push(await attempt(() => client.incr(`counter:${number}`)));
      counted.failed.push(++counted.tried);
      const id = String(counted.tried);
      if ((await attempt(() => (library === "redis" ? client.rPush(`ids:${number}`, id) : client.rpush(`ids:${number}`, id)))) !== null)
        counted.failed.pop();
      await pause();
    }
  };
  return { counted, ended: run() };
}

const started = await Promise.all(Array.from({ length: workers }, (_, number) => work(number)));
console.log(`version ${at.versionOf(library)}`);
for await (const _ of readline.createInterface({ input: process.stdin })) break;
stop = true;
await Promise.race([Promise.all(started.map(({ ended }) => ended)), new Promise((done) => setTimeout(done, 20_000))]);
process.stdout.write(JSON.stringify(started.map(({ counted }) => counted)) + "\n", () => process.exit(0));
