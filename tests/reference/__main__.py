"""Write the pages anew."""

from __future__ import annotations

from tests.reference import FOLDER, made

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    texts = made()
    for stale in FOLDER.glob("options-*.md"):
        if stale.name not in texts:
            stale.unlink()
    for name, text in texts.items():
        (FOLDER / name).write_text(text, "utf-8")
        print(f"wrote docs/reference/{name}")
