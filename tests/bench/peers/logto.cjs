// Logto's published SMTP connector, called as Logto calls it.

"use strict";

const { pathToFileURL } = require("node:url");

const { measure, play, recipient, sender, server, task } = require("./common.cjs");

play(async () => {
  const location = pathToFileURL(require.resolve("@logto/connector-smtp"));
  const { default: createConnector } = await import(location.href);
  const config = {
    ...server(),
    auth: {},
    fromEmail: sender,
    templates: ["SignIn", "Register", "ForgotPassword", "Generic"].map((usageType) => ({
      usageType,
      contentType: task.mail.content_type,
      subject: task.mail.subject,
      content: task.mail.content,
    })),
  };
  const connector = await createConnector({ getConfig: async () => config });
  return measure((code) =>
    connector.sendMessage({ to: recipient(code), type: "SignIn", payload: { code } }));
});
