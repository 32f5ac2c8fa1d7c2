"""The HTTP e-mail connector: posts each message to a webhook, as Logto's does."""
