// BullMQ: two workers in processes of their own, each with four jobs at a time; for run_jobs.py.
import { fork } from "node:child_process";
import { Queue, Worker } from "bullmq";
import { connection, done, produce, rest, versionOf } from "./work.mjs";

if (process.argv[2] === "worker") {
  const worker = new Worker("jobs", async (job) => done(job.data, process.pid), {
    connection, concurrency: 4, stalledInterval: 3000, lockDuration: 5000, // shorter than the default of 30 s, to see the end of it
  });
  worker.on("error", (error) => console.error(`worker: ${error}`));
  worker.on("failed", (job, error) => console.error(`job ${job?.data}: ${error}`));
  process.on("disconnect", () => process.exit()); // the producer is gone
} else {
  const queue = new Queue("jobs", { connection });
  queue.on("error", (error) => console.error(`queue: ${error}`));
  for (let number = 0; number < 2; ++number) fork("bullmq.mjs", ["worker"], { stdio: ["ignore", 2, 2, "ipc"] });
  await produce(versionOf("bullmq"), 10, (number) => queue.add("job", number));
  await rest();
}
