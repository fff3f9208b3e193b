"""What `ectype.web_integration` offers, and what it says when it cannot."""

import subprocess
import sys

import ectype.web_integration as web


def test_every_public_name_is_there_and_listed_once() -> None:
    assert sorted(set(web.__all__)) == sorted(web.__all__)
    assert all(hasattr(web, name) for name in web.__all__)


def test_without_starlette_the_import_says_what_to_install() -> None:
    code = "import sys; sys.modules['starlette'] = None; import ectype.web_integration"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert "hint: pip install 'ectype[web]'" in done.stderr
