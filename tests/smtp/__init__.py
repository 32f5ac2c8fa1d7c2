"""The SMTP connector against a peer that plays every fault."""
