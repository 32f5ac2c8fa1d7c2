"""`python -m connector_core.cli` is the `connector` command."""

from connector_core.cli import main

main(prog_name="connector")
