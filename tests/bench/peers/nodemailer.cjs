// nodemailer with its pool.

"use strict";

const nodemailer = require("nodemailer");

const { mailFor, measure, play, server, task } = require("./common.cjs");

play(async () => {
  const transporter = nodemailer.createTransport({
    ...server(),
    pool: true,
    maxConnections: task.connections,
    maxMessages: Infinity,
  });
  return measure((code) => transporter.sendMail(mailFor(code)));
});
