// What the JavaScript workloads share: where to connect, the two files that run_jobs.py reads, the producer.
import { appendFileSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const env = process.env;
export const connection = {
  host: env.PORTAL_HOST, port: Number(env.PORTAL_PORT), password: env.REDIS_PASSWORD, tls: { ca: readFileSync(env.CA_FILE) },
  maxRetriesPerRequest: null, // what BullMQ asks for
};

export const pause = (milliseconds) => new Promise((passed) => setTimeout(passed, milliseconds));
export const rest = () => new Promise(() => setInterval(() => {}, 1000)); // until the driver ends this process
export const done = (number, worker) => appendFileSync(env.JOBS_DONE, `${number} ${worker}\n`);

export const versionOf = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version;

/** Enqueues jobs 1, 2, ... until a line comes on standard input; JOBS_ACCEPTED gets the number of each that the library took. */
export async function produce(version, milliseconds, enqueue) {
  console.log(`version ${version}`);
  let stop = false;
  createInterface({ input: process.stdin }).once("line", () => (stop = true));
  for (let number = 1; !stop; ++number) {
    try {
      await enqueue(number);
      appendFileSync(env.JOBS_ACCEPTED, `${number}\n`);
    } catch (error) {
      console.log(`refused ${error.constructor.name} ${String(error.message).split("\n")[0].slice(0, 60)}`);
    }
    await pause(milliseconds);
  }
  console.log("stopped");
}
