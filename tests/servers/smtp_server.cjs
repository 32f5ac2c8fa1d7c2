// One smtp-server of nodemailer's author, driven by smtp_server.py.
//
//     node smtp_server.cjs CONFIG.json
//
// It prints `listening PORT` once it does, and appends every message it accepts to the file
// `config.messages` as one line of JSON before the client is told that it was accepted.

"use strict";

const fs = require("node:fs");
const { createRequire } = require("node:module");
const path = require("node:path");

const config = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const { SMTPServer } = createRequire(path.join(config.modules, "here.cjs"))("smtp-server");

// the same two local parts that the tests' Postfix refuses
const REFUSALS = new Map([
  ["refused", [550, "Mailbox unavailable"]],
  ["greylisted", [450, "Try again later"]],
]);

function refusal(code, text) {
  return Object.assign(new Error(text), { responseCode: code });
}

function known(auth) {
  if (auth.method === "XOAUTH2") {
    return Object.hasOwn(config.tokens, auth.username)
      && config.tokens[auth.username] === auth.accessToken;
  }
  if (!Object.hasOwn(config.users, auth.username)) return false;
  const password = config.users[auth.username];
  return auth.method === "CRAM-MD5" ? auth.validatePassword(password) : password === auth.password;
}

function onAuth(auth, session, done) {
  if (known(auth)) return done(null, { user: { name: auth.username, method: auth.method } });
  // XOAUTH2 tells why in a challenge of its own, before the 535
  if (auth.method === "XOAUTH2") return done(null, { data: { status: "401", schemes: "bearer" } });
  return done(refusal(535, "Authentication credentials invalid"));
}

function onRcptTo(address, session, done) {
  const local = address.address.slice(0, address.address.lastIndexOf("@")).toLowerCase();
  const answer = REFUSALS.get(local);
  return done(answer ? refusal(...answer) : null);
}

function onData(stream, session, done) {
  const chunks = [];
  stream.on("data", (chunk) => chunks.push(chunk));
  stream.on("end", () => {
    // the server itself refuses it (rejectOversized)
    if (stream.sizeExceeded) return done();
    const { mailFrom, rcptTo } = session.envelope;
    const line = JSON.stringify({
      mail_from: mailFrom.address,
      rcpt_to: rcptTo.map((recipient) => recipient.address),
      args: mailFrom.args || {},
      rcpt_args: rcptTo.map((recipient) => recipient.args || {}),
      raw: Buffer.concat(chunks).toString("base64"),
      user: session.user ? session.user.name : null,
      auth_method: session.user ? session.user.method : null,
      secure: session.secure,
      client_name: session.hostNameAppearsAs,
      session_id: session.id,
    });
    fs.appendFile(config.messages, `${line}\n`, (error) => done(error, "OK: message queued"));
  });
}

const server = new SMTPServer({
  ...config.options,
  disableReverseLookup: true,
  rejectOversized: true,
  logger: false,
  onAuth,
  onRcptTo,
  onData,
});

// a client that breaks off is a test's doing; only a server that cannot listen is a failure
server.on("error", (error) => {
  console.error(error.message);
  if (!server.server.listening) process.exit(1);
});
server.listen(0, config.host, () => {
  console.log(`listening ${server.server.address().port}`);
});
