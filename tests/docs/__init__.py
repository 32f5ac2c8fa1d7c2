"""The documentation, run: each page is a story, and CONTRIBUTING.md has how one is written."""
