// Flows of BullMQ, and commands of ioredis (defineCommand) in transactions, until a line comes on standard input: both load
// their scripts once for a connection, and rely on them from then on. Prints what it has counted as JSON.
import fs from "node:fs";
import { FlowProducer, Worker } from "bullmq";
import Redis from "ioredis";

const options = {
  host: "127.0.0.1", port: Number(process.env.PORT), password: process.env.PASSWORD, tls: { ca: fs.readFileSync(process.env.CA) },
  maxRetriesPerRequest: null,
};
const counted = { transactions: 0, flows: 0, jobs: 0, connections: 0 };
const errors = {};
const note = (error) => {
  const text = String(error?.previousErrors?.[0]?.message ?? error?.message ?? error).split(" ")[0];
  errors[text] = (errors[text] ?? 0) + 1;
};
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

const client = new Redis(options);
client.on("connect", () => ++counted.connections);
client.on("error", note);
client.defineCommand("bump", { numberOfKeys: 1, lua: "return redis.call('INCRBY', KEYS[1], ARGV[1])" });
const producer = new FlowProducer({ connection: options });
const workers = ["steps", "parents"].map((queue) => new Worker(queue, async () => 1, { connection: options, concurrency: 4 }));
for (const each of [producer, ...workers]) each.on("error", note);
for (const each of workers) {
  each.on("completed", () => ++counted.jobs);
  each.on("failed", (_, error) => note(error));
}

let stop = false;
async function again(wait, work) {
  while (!stop) {
    await work().catch(note);
    await pause(wait);
  }
}
const work = [
  again(2, async () => {
    ++counted.transactions;
    const answers = await client.multi().bump("counter", 1).set("other", 1).bump("counter", 2).exec();
    answers.forEach(([error]) => error && note(error));
  }),
  again(10, async () => {
    ++counted.flows;
    const step = { name: "step", queueName: "steps", data: {} };
    await producer.add({ name: "parent", queueName: "parents", data: {}, children: [step, step] });
  }),
];
console.log("running");
process.stdin.once("data", async () => {
  stop = true;
  await Promise.all(work);
  for (let i = 0; i < 100 && counted.jobs < 3 * counted.flows; ++i) await pause(100);
  console.log(JSON.stringify({ ...counted, errors }));
  process.exit(0);
});
