"""The stock `phoenix` client, brought from npm at the version that `package.json` pins."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
FILES: Final = HERE / "node_modules" / "phoenix" / "priv" / "static"
INSTALL: Final = ["install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]


def install() -> None:
    """Bring the client, where npm is there and it has not been brought; the page says so when that did not work."""
    npm = shutil.which("npm")
    if npm is None or missing() is None:
        return
    try:
        subprocess.run([npm, *INSTALL], cwd=HERE, check=True, capture_output=True, timeout=120)
    except (subprocess.SubprocessError, OSError) as exc:
        print(f"npm could not bring the phoenix client: {exc}", flush=True)


def missing() -> str | None:
    """Return why the page has no client, or None when it has the one that is pinned."""
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]["phoenix"]
    package = HERE / "node_modules" / "phoenix" / "package.json"
    if package.exists() and json.loads(package.read_text())["version"] == wanted:
        return None
    if shutil.which("npm") is None:
        return f"node and npm are not installed, so there is no phoenix client {wanted}"
    return f"the phoenix client {wanted} is not there: run `npm install --no-package-lock` in examples/chat"
