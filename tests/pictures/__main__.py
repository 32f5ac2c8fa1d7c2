"""Make the pictures anew, or those that are named."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.pictures import FOLDER, layers, terminal
from tests.pictures.scenes import SCENES

if __name__ == "__main__":
    wanted = sys.argv[1:] or ["layers", *(scene.name for scene in SCENES)]
    FOLDER.mkdir(exist_ok=True)
    for scene in SCENES:
        if scene.name in wanted:
            with tempfile.TemporaryDirectory() as folder:
                picture = terminal.drawn(scene, Path(folder))
            (FOLDER / f"{scene.name}.svg").write_text(picture, "utf-8")
    if "layers" in wanted:
        (FOLDER / "layers.svg").write_text(layers.drawn(), "utf-8")
    print(f"made {', '.join(wanted)} in docs/pictures")
