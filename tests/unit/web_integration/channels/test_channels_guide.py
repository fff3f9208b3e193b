"""The guide's own code, run."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

from ectype import from_, migrations

GUIDE = Path(__file__).parents[4] / "docs" / "channels.md"

CREATE_MESSAGES = """
def change(m):
    with m.create_table("messages") as t:
        t.column("room", str, null=False)
        t.column("body", str, null=False)
"""


async def test_the_chat_of_the_guide_stores_and_tells_what_is_said(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    guide: dict[str, Any] = {"__name__": "guide"}
    for code in re.findall(r"(?ms)^```python\n(.*?)^```", GUIDE.read_text()):
        exec(compile(code, str(GUIDE), "exec", dont_inherit=True), guide)
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "20260101000000_create_messages.py").write_text(CREATE_MESSAGES)
    async with guide["repo"] as repo:
        await migrations.migrate(repo, folder)
        sent = await talk(
            guide["app"], ["1", "1", "room:lobby", "phx_join", {}], ["1", "2", "room:lobby", "new_msg", {"body": "hi"}]
        )
        stored = await repo.one_or_raise(from_(guide["Message"]))
        await guide["test_what_ada_says_is_heard"]()
    assert (stored.room, stored.body) == ("room:lobby", "hi")
    assert sent == [
        ["1", "1", "room:lobby", "phx_reply", {"status": "ok", "response": {"you": "ada"}}],
        [None, None, "room:lobby", "new_msg", {"body": "hi", "from": "ada"}],
        ["1", "2", "room:lobby", "phx_reply", {"status": "ok", "response": {"id": stored.id}}],
    ]


async def talk(app: Any, *frames: Any) -> list[Any]:
    incoming: asyncio.Queue[Any] = asyncio.Queue()
    outgoing: asyncio.Queue[Any] = asyncio.Queue()
    scope = {
        "type": "websocket", "path": "/socket/websocket", "root_path": "", "query_string": b"vsn=2.0.0&user=ada",
        "headers": [(b"host", b"app.test")], "subprotocols": [], "server": ("app.test", 80), "scheme": "ws",
    }  # fmt: skip
    incoming.put_nowait({"type": "websocket.connect"})
    for frame in frames:
        incoming.put_nowait({"type": "websocket.receive", "text": json.dumps(frame)})
    task = asyncio.create_task(app(scope, incoming.get, outgoing.put))
    assert (await asyncio.wait_for(outgoing.get(), 2))["type"] == "websocket.accept"
    sent = [json.loads((await asyncio.wait_for(outgoing.get(), 2))["text"]) for _ in range(3)]
    incoming.put_nowait({"type": "websocket.disconnect", "code": 1001})
    await asyncio.wait_for(task, 2)
    return sent
