"""The inputs of forms as Jinja2 macros: `{% from "ectype/forms.html" import input %}`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import BaseLoader


def form_templates() -> BaseLoader:
    """Return a loader of `ectype/forms.html`, which stands behind an application's own templates.

    Its macros escape what they are given, whether the environment does or not. They are `input`, `textarea`,
    `checkbox`, `radio`, `select`, `label`, `errors`, `hidden_inputs`, and for entries `sort_input`, `drop_input` and
    `add_input`.

    Raises:
        ModuleNotFoundError: Jinja2 is not there: `pip install 'ectype[forms]'`.

    Example:
        templates.env.loader = ChoiceLoader([templates.env.loader, form_templates()])
    """
    try:
        from jinja2 import PackageLoader  # noqa: PLC0415  # an extra: only who uses the macros needs it
    except ModuleNotFoundError as exc:
        raise ModuleNotFoundError(
            "the macros of forms need Jinja2\n\nhint: pip install 'ectype[forms]'", name="jinja2"
        ) from exc
    return PackageLoader("ectype.web_integration")
