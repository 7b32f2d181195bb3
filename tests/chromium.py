"""Debian's Chromium without a window, driven over the DevTools protocol: opens a page at a width, in light or dark or for paper,
and says what it sees.
"""

import asyncio
import base64
import itertools
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import aiohttp

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--remote-debugging-port=0",
)  # fmt: skip
PATIENCE_S = 120.0
"""How long it may take to start, or to do one thing, on a machine that does much else."""


def chromium() -> str | None:
    """The program, None where it is not installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@dataclass(slots=True)
class Tab:
    """One open tab."""

    socket: aiohttp.ClientWebSocketResponse
    session: str = ""
    requested: list[str] = field(default_factory=list)
    """Every address that a page has asked for since it was opened."""
    _numbers: itertools.count = field(default_factory=itertools.count)
    _events: list[str] = field(default_factory=list)

    async def do(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command and its result; what happens meanwhile is kept."""
        number = next(self._numbers)
        said = {"id": number, "method": method, "params": parameters}
        await self.socket.send_json(said | ({"sessionId": self.session} if self.session else {}))
        while (message := await self._hear()).get("id") != number:
            pass
        if "error" in message:
            raise RuntimeError(f"{method}: {message['error']}")
        return message["result"]

    async def open(self, page: Path, width: int, scheme: Literal["light", "dark"], media: str = "screen") -> None:
        """Show a file at a width in pixels, and wait until it stands."""
        self.requested.clear()
        self._events.clear()
        await self.do("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        wanted = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.do("Emulation.setEmulatedMedia", media=media, features=wanted)
        await self.do("Page.navigate", url=page.as_uri())
        while "Page.loadEventFired" not in self._events:
            await self._hear()

    async def evaluate(self, expression: str) -> Any:
        """The JSON value of an expression on the page."""
        found = await self.do("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"]))
        return found["result"].get("value")

    async def screenshot(self) -> bytes:
        """The whole page as a PNG, to look at."""
        size = (await self.do("Page.getLayoutMetrics"))["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        found = await self.do("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        return base64.b64decode(found["data"])

    async def _hear(self) -> dict[str, Any]:
        message = json.loads((await self.socket.receive(timeout=PATIENCE_S)).data)
        self._events.append(message.get("method", ""))
        if message.get("method") == "Network.requestWillBeSent":
            self.requested.append(message["params"]["request"]["url"])
        return message


@asynccontextmanager
async def open_tab(program: str, profile: Path) -> AsyncIterator[Tab]:
    """A browser of its own with one tab, gone with all its processes afterwards."""
    command = (program, *FLAGS, f"--user-data-dir={profile}", "about:blank")
    browser = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, start_new_session=True
    )
    try:
        port, path = await _address(profile / "DevToolsActivePort")
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(f"ws://127.0.0.1:{port}{path}", max_msg_size=0) as socket,
        ):
            tab = Tab(socket)
            target = (await tab.do("Target.createTarget", url="about:blank"))["targetId"]
            tab.session = (await tab.do("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
            for domain in ("Page", "Network"):
                await tab.do(f"{domain}.enable")
            yield tab
    finally:
        with suppress(ProcessLookupError):
            os.killpg(browser.pid, signal.SIGKILL)
        await browser.wait()


async def _address(told: Path) -> tuple[str, str]:
    """Port and path, which the browser writes down once it listens."""
    for _ in range(round(PATIENCE_S * 10)):
        if (address := _written(told)) is not None:
            return address
        await asyncio.sleep(0.1)
    raise TimeoutError(f"Chromium did not start within {PATIENCE_S:.0f} seconds")


def _written(told: Path) -> tuple[str, str] | None:
    lines = told.read_text().splitlines() if told.exists() else []
    return (lines[0], lines[1]) if len(lines) == 2 else None
