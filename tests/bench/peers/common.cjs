// What the Node peers share: callers that send in turns, and the line that says how it went.
// The task is described in tests/bench/task.py; it comes as JSON in the program's argument.

"use strict";

const fs = require("node:fs");

const task = JSON.parse(process.argv[2]);
const sender = "no-reply@example.com";
const clientName = "bench.example.com";

const filled = (code) => task.mail.content.replaceAll("{{code}}", code);
const recipient = (code) => `user-${code}@example.org`;

// a mail as nodemailer takes it
function mailFor(code) {
  const kind = task.mail.content_type === "text/html" ? "html" : "text";
  return { from: sender, to: recipient(code), subject: task.mail.subject, [kind]: filled(code) };
}

// how to reach the server, in nodemailer's words
function server() {
  const tls = task.ca ? { secure: true, tls: { ca: fs.readFileSync(task.ca, "utf8") } } : null;
  return {
    host: "127.0.0.1",
    port: task.port,
    name: clientName,
    ...(tls ?? { secure: false, ignoreTLS: true }),
  };
}

let number = 0;
const nextCode = () => String(number++ % 1_000_000).padStart(6, "0");
const now = () => performance.now() / 1000;

// a size of this process, in octets, by its name in proc(5)
function memory(name) {
  const status = fs.readFileSync("/proc/self/status", "utf8");
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)[1]) * 1024;
}

// a span of work that its callers share: so long, or so many messages
function stint(seconds, messages) {
  const end = seconds === null ? Infinity : now() + seconds;
  const most = messages === null ? Infinity : messages;
  let begun = 0;
  return () => begun++ < most && now() < end;
}

function clock() {
  const cpu = process.cpuUsage();
  const started = now();
  return (messages, more) => {
    const seconds = now() - started;
    const used = process.cpuUsage(cpu);
    return {
      messages,
      seconds,
      cpu_seconds: (used.user + used.system) / 1e6,
      peak_rss_bytes: memory("VmHWM"),
      ...more,
    };
  };
}

async function run(send, callers, seconds, messages) {
  const latencies = [];
  const goesOn = stint(seconds, messages);
  async function call() {
    while (goesOn()) {
      const started = now();
      await send(nextCode());
      latencies.push(now() - started);
    }
  }
  await Promise.all(Array.from({ length: callers }, call));
  return latencies;
}

// `send` takes a code and is done when the message was answered
async function measure(send) {
  const [first] = await run(send, 1, null, 1);
  const atRest = memory("VmRSS");
  const warm = await run(send, task.in_flight, task.warmup_seconds, null);
  const stop = clock();
  const latencies = await run(send, task.in_flight, task.seconds, task.messages);
  return stop(latencies.length, {
    latencies_ms: summary(first, latencies),
    warmup_messages: 1 + warm.length,
    rss_bytes: atRest,
  });
}

// a call that takes no network, timed one after another
async function measureCalls(call) {
  const warm = await run(call, 1, task.warmup_seconds, null);
  const stop = clock();
  const done = await run(call, 1, task.seconds, task.messages);
  return stop(done.length, { warmup_messages: warm.length });
}

function summary(first, others) {
  const ordered = others.toSorted((one, other) => one - other);
  const rank = (share) => ordered[Math.ceil(share * ordered.length) - 1] * 1000;
  return { first: first * 1000, p50: rank(0.5), p99: rank(0.99) };
}

// do it, print what came of it, and end whatever connections are still open
async function play(perform) {
  try {
    console.log(JSON.stringify(await perform()));
    process.exit(0);
  } catch (error) {
    console.error(error instanceof Error ? error.stack : error);
    process.exit(1);
  }
}

module.exports = { task, sender, recipient, mailFor, server, measure, measureCalls, play };
