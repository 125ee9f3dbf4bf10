// What the Node.js programs share: where to connect, the lines that the driver reads, waiting.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const env = process.env;
export const host = env.PORTAL_HOST;
export const port = Number(env.PORTAL_PORT);
export const sharedPort = Number(env.SHARED_PORT);
export const recordingPort = Number(env.RECORDING_PORT);
export const ca = readFileSync(env.CA_FILE);
export const foreignCa = readFileSync(env.FOREIGN_CA_FILE);
export const username = env.REDIS_USERNAME;
export const password = env.REDIS_PASSWORD;

export const allBytes = Buffer.concat([Buffer.from(Array.from({ length: 256 }, (_, i) => i)), Buffer.from("\r\n$-1\r\n")]);
export const largeValue = Buffer.alloc(1 << 20, allBytes.subarray(0, 256));
const kWait = 15000; // milliseconds for what happens in well under one second

export class Unsupported extends Error {}

export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
export async function please(word) {
  console.log(`please ${word}`);
  assert.equal((await answers.next()).value, "done");
}

/** Calls attempt() until it answers something true; an error counts as not yet where `forgiving`. */
export async function until(what, attempt, forgiving = false) {
  const end = Date.now() + kWait;
  for (let last = ""; ; await sleep(20)) {
    try {
      const answer = await attempt();
      if (answer) return answer;
    } catch (error) {
      if (!forgiving) throw error;
      last = ` (${error})`;
    }
    if (Date.now() > end) throw new Error(`${what}: not within ${kWait} ms${last}`);
  }
}

/** The version of an installed package, whether or not it lets its package.json be imported. */
export function versionOf(name) {
  const found = createRequire(import.meta.url).resolve.paths(name).map((folder) => `${folder}/${name}/package.json`);
  for (const file of found) {
    try {
      return JSON.parse(readFileSync(file)).version;
    } catch {}
  }
  throw new Error(`${name} is not installed`);
}

/** Runs each scenario, an async function that throws when something is wrong, under the name it has in the object. */
export async function run(version, scenarios) {
  console.log(`version ${version}`);
  for (const [name, scenario] of Object.entries(scenarios)) {
    let timer;
    try {
      const tooLong = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("no end")), 3 * kWait)));
      await Promise.race([scenario(), tooLong]);
      console.log(`ok ${name}`);
    } catch (error) {
      if (error instanceof Unsupported) {
        console.log(`unsupported ${name}: ${error.message}`);
      } else {
        console.error(error);
        console.log(`failed ${name}: ${String(error).slice(0, 300).replaceAll("\n", " ")}`);
      }
    } finally {
      clearTimeout(timer);
    }
  }
  process.exit(0);
}
