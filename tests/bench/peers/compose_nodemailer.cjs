// nodemailer's MailComposer: a mail to its bytes.

"use strict";

const MailComposer = require("nodemailer/lib/mail-composer");

const { mailFor, measureCalls, play } = require("./common.cjs");

play(() =>
  measureCalls((code) =>
    new Promise((resolve, reject) => {
      const message = new MailComposer(mailFor(code)).compile();
      message.build((error, bytes) => (error ? reject(error) : resolve(bytes)));
    })));
