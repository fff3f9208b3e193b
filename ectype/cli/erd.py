"""`ectype erd`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from ectype.cli.diagram import diagram
from ectype.cli.diagram_mermaid import mermaid
from ectype.cli.diagram_svg import svg
from ectype.cli.failures import reported
from ectype.cli.options import Json, Quiet
from ectype.cli.output import Output
from ectype.cli.python_files import schemas_of
from ectype.cli.settings import find_project
from ectype.errors import ConfigError

FORMATS: Final = {"svg": svg, "mermaid": mermaid}
ENDINGS: Final = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid"}


def erd(
    *,
    output: Annotated[Path | None, typer.Option(help="The file to write, .svg or .mmd; else the output.")] = None,
    format: Annotated[  # noqa: A002  # the option's name
        Literal["svg", "mermaid"] | None, typer.Option("--format", help="What to draw; else as the file ends, or svg.")
    ] = None,
    schemas: Annotated[
        str | None, typer.Option(metavar="MODULE", help="The module of the schemas, instead of the one that is set.")
    ] = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Draw the schemas and what references what, as SVG or Mermaid. No database is needed."""
    out = Output(as_json=json, quiet=quiet)
    with reported(out):
        found = schemas_of(find_project(Path.cwd()), schemas)
        if not found:
            raise ConfigError(
                "there are no schemas to draw",
                hint='name their module: --schemas app.schemas, or under tool.ectype: schemas = "app.schemas"',
            )
        chosen = format or ENDINGS.get("" if output is None else output.suffix.lower(), "svg")
        made = diagram(found.values())
        text = FORMATS[chosen](made)
        if output is None:
            typer.echo(text, nl=False)
            return
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as exc:
            raise ConfigError(f"{output} cannot be written: {exc.strerror}", hint="name another file") from exc
        out.line(f"wrote {output}: {len(made.boxes)} tables, {len(made.lines)} references", mark="✔")
        out.document({"file": str(output), "tables": len(made.boxes), "references": len(made.lines)})
