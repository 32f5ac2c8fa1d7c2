"""The file connector: writes each message as an .eml file into a folder."""
