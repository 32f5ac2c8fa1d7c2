"""The tests' scripted server, with CHUNKING among its extensions, as a program.

    python -m tests.bench.chunking

It prints `listening PORT`. smtp-sink has no CHUNKING, and Postfix needs root.
"""

from __future__ import annotations

import asyncio

from tests.smtp.peer import EXTENSIONS, Peer


async def main() -> None:
    """Serve until it is ended."""
    async with Peer(extensions=(*EXTENSIONS, "CHUNKING")) as peer:
        print("listening", peer.port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
