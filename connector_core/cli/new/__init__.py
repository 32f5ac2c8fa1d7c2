"""`new`: the project of a connector, from the files in `scaffold`."""
