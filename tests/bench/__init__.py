"""The benchmark: connector-core beside its peers, in one run on one machine.

    python -m tests.bench [--quick] [--only SECTION,…] [--rounds N] [--write]

Every client is a program in `peers/` that takes a task and says what it measured; the sections
run them in turns and the document is made of the medians. See docs/performance.md.
"""
