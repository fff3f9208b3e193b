"""What a class body says: its annotations taken apart, and evaluated when their names exist.

A class body is read while the class is made, when other classes may not exist yet. So an annotation is taken apart
without evaluating what stands in its brackets; that is done at first use. Python up to 3.13 keeps annotations as
objects, or as text (quoted, or `from __future__ import annotations`); Python 3.14 keeps a function that makes them.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections import ChainMap
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Final, ForwardRef, Literal, Union, cast, get_args, get_origin

from ectype.errors import SchemaError, did_you_mean

if sys.version_info >= (3, 14):
    import annotationlib

_MAX_NESTING: Final = 50
"""How often text may stand for text: a name that holds its own name would never end."""


_SPECIAL_FORMS: Final[tuple[object, ...]] = (Any, Annotated)
"""What some versions of Python make classes of."""


@dataclass(frozen=True, slots=True)
class RawAnnotation:
    """An annotation of a class body, taken apart.

    Attributes:
        name: the member.
        head: the class before the brackets, or the whole annotation where it is a class without brackets; None when it
            is neither, or does not exist yet.
        argument: what stands in the brackets, not evaluated: text, an object, or a tuple of objects; None without
            brackets.
        text: the annotation as one would write it, for messages.
        names: of a class that is finished, the names of the module in which it stands.
    """

    name: str
    head: type | None
    argument: object
    text: str
    names: Mapping[str, object] = field(default_factory=dict[str, object], repr=False, compare=False)


def read_annotations(
    namespace: Mapping[str, Any], module_globals: Mapping[str, object], local_names: Mapping[str, object]
) -> dict[str, RawAnnotation]:
    """Take the annotations of a class body apart, before its class exists.

    `ClassVar[…]` and names that begin with two underscores are left out.

    Args:
        namespace: what the body left behind, as a metaclass gets it.
        module_globals: the names of the module in which the body stands.
        local_names: the names around the body, which win over those of the module.

    Raises:
        SchemaError: an annotation is no expression.

    >>> read_annotations({"__annotations__": {"ids": "list[Later]"}}, {}, {})["ids"]
    RawAnnotation(name='ids', head=<class 'list'>, argument='Later', text='list[Later]')
    """
    return _taken_apart(_of_namespace(namespace), [local_names, module_globals, vars(builtins)])


def read_class_annotations(cls: type) -> dict[str, RawAnnotation]:
    """Take the annotations of a finished class apart, as a mixin's: its own, not those of its bases.

    Raises:
        SchemaError: an annotation is no expression.
    """
    module = sys.modules.get(cls.__module__)
    names: Mapping[str, object] = {} if module is None else vars(module)
    found = _taken_apart(_of_class(cls), [vars(cls), names, vars(builtins)])
    return {name: replace(one, names=names) for name, one in found.items()}


def _of_namespace(namespace: Mapping[str, Any]) -> Mapping[str, Any]:
    if sys.version_info >= (3, 14):
        annotate = annotationlib.get_annotate_from_class_namespace(namespace)
        if annotate is not None:
            return annotationlib.call_annotate_function(annotate, annotationlib.Format.STRING)
    return namespace.get("__annotations__", {})


def _of_class(cls: type) -> Mapping[str, Any]:
    if sys.version_info >= (3, 14):
        return annotationlib.get_annotations(cls, format=annotationlib.Format.STRING)
    return vars(cls).get("__annotations__", {})


def _taken_apart(annotations: Mapping[str, Any], scopes: list[Mapping[str, object]]) -> dict[str, RawAnnotation]:
    found: dict[str, RawAnnotation] = {}
    for name, annotation in annotations.items():
        if name.startswith("__"):
            continue
        raw = _from_text(name, annotation, scopes) if isinstance(annotation, str) else _from_object(name, annotation)
        if raw is not None:
            found[name] = raw
    return found


def _from_text(name: str, text: str, scopes: list[Mapping[str, object]]) -> RawAnnotation | None:
    tree = _parsed(text)
    if tree is None:
        raise SchemaError(f"the annotation of `{name}` is no expression: {text!r:.200}")
    if isinstance(tree, ast.Constant) and isinstance(tree.value, str):
        return _from_text(name, tree.value, scopes)
    named = tree.value if isinstance(tree, ast.Subscript) else tree
    head = _look_up(named, scopes)
    if head is ClassVar or (head is None and _last_word(named) == "ClassVar"):
        return None
    argument = ast.unparse(tree.slice) if isinstance(tree, ast.Subscript) else None
    return RawAnnotation(name, _class_or_none(head), argument, ast.unparse(tree))


def _from_object(name: str, annotation: Any) -> RawAnnotation | None:
    origin = get_origin(annotation)
    if annotation is ClassVar or origin is ClassVar:
        return None
    text = annotation_text(annotation)
    if origin is None:
        return RawAnnotation(name, _class_or_none(annotation), None, text)
    if _class_or_none(origin) is None or origin is UnionType:
        return RawAnnotation(name, None, None, text)
    arguments = tuple(one.__forward_arg__ if isinstance(one, ForwardRef) else one for one in get_args(annotation))
    return RawAnnotation(name, origin, arguments[0] if len(arguments) == 1 else arguments, text)


def _class_or_none(head: object) -> type | None:
    return head if isinstance(head, type) and head not in _SPECIAL_FORMS else None


def _parsed(text: str) -> ast.expr | None:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _look_up(tree: ast.expr, scopes: list[Mapping[str, object]]) -> object:
    if isinstance(tree, ast.Name):
        return next((scope[tree.id] for scope in scopes if tree.id in scope), None)
    if isinstance(tree, ast.Attribute):
        return getattr(_look_up(tree.value, scopes), tree.attr, None)
    return None


def _last_word(tree: ast.expr) -> str | None:
    if isinstance(tree, ast.Name):
        return tree.id
    return tree.attr if isinstance(tree, ast.Attribute) else None


# --- evaluating -------------------------------------------------------------------------------------------------------


def evaluate(argument: object, scopes: Sequence[Mapping[str, object]]) -> object:
    """Return what an annotation means, with every name in it looked up, those in quotes too.

    Args:
        argument: text, or an object that may hold text or forward references.
        scopes: where names are looked up, in this order; then come the builtins. A scope may raise SchemaError for a
            name, as for one that has two meanings.

    Raises:
        SchemaError: a name does not exist, or the text is no annotation.

    >>> evaluate("list['Later'] | None", [{"Later": int}])
    typing.Optional[list[int]]
    """
    return _evaluated(argument, scopes, _MAX_NESTING)


def _evaluated(argument: Any, scopes: Sequence[Mapping[str, object]], depth: int) -> Any:
    if isinstance(argument, str | ForwardRef):
        text = argument if isinstance(argument, str) else argument.__forward_arg__
        if depth == 0:
            raise SchemaError(f"the annotation {text!r:.200} stands for itself")
        return _evaluated(_run(text, scopes), scopes, depth - 1)
    if isinstance(argument, tuple):
        return tuple(_evaluated(one, scopes, depth) for one in cast("tuple[object, ...]", argument))
    origin = get_origin(argument)
    if origin is None or origin is Literal:
        return argument
    if origin is Annotated:
        inner = _evaluated(argument.__origin__, scopes, depth)
        return argument if inner is argument.__origin__ else Annotated[(inner, *argument.__metadata__)]
    old = get_args(argument)
    new = tuple(_evaluated(one, scopes, depth) for one in old)
    if all(one is other for one, other in zip(old, new, strict=True)):
        return argument
    if origin is Union or origin is UnionType:
        return Union[new]  # noqa: UP007  # the members are known at run time only
    return argument.copy_with(new) if hasattr(argument, "copy_with") else origin[new]


def _run(text: str, scopes: Sequence[Mapping[str, object]]) -> object:
    names = ChainMap(*(cast("MutableMapping[str, object]", scope) for scope in scopes))
    try:
        return eval(text.strip(), {}, names)  # an annotation is code of the program itself
    except SchemaError:
        raise
    except NameError as exc:
        missing = str(exc.name)
        known = {name for scope in scopes for name in scope}
        guess = did_you_mean(missing, known)
        raise SchemaError(
            f"the name `{missing}` of the annotation `{text}` does not exist",
            hint=guess
            if guess.startswith("did you mean")
            else f"import `{missing}` in the module of the class, or define it before the first use",
        ) from exc
    except Exception as exc:
        raise SchemaError(f"the annotation `{text:.200}` cannot be evaluated: {exc}") from exc


# --- None -------------------------------------------------------------------------------------------------------------


def is_optional_text(argument: object) -> bool | None:
    """Say whether an annotation admits None by the look of it, without evaluating a name; None when it cannot tell.

    A name counts as not admitting None, though it may turn out to stand for a union that does.

    >>> is_optional_text("User | None"), is_optional_text("User"), is_optional_text("Any")
    (True, False, None)
    """
    if isinstance(argument, ForwardRef):
        argument = argument.__forward_arg__
    if isinstance(argument, str):
        tree = _parsed(argument)
        return None if tree is None else _optional_tree(tree)
    if argument is Any or argument is object:
        return None
    if argument is None or argument is NoneType:
        return True
    origin = get_origin(argument)
    if origin is Union or origin is UnionType:
        return _any_optional([is_optional_text(one) for one in get_args(argument)])
    return is_optional_text(get_args(argument)[0]) if origin is Annotated else False


def _optional_tree(tree: ast.expr) -> bool | None:
    match tree:
        case ast.Constant(value=None):
            return True
        case ast.Constant(value=str() as text):
            return is_optional_text(text)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _any_optional([_optional_tree(left), _optional_tree(right)])
        case ast.Subscript(value=head, slice=inside):
            return _optional_subscript(_last_word(head), inside)
        case ast.Name() | ast.Attribute():
            return None if _last_word(tree) in {"Any", "object"} else False
        case _:
            return None


def _optional_subscript(head: str | None, inside: ast.expr) -> bool | None:
    parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
    if head == "Optional":
        return True
    if head == "Union":
        return _any_optional([_optional_tree(one) for one in parts])
    return _optional_tree(parts[0]) if head == "Annotated" else False


def _any_optional(parts: list[bool | None]) -> bool | None:
    if True in parts:
        return True
    return None if None in parts else False


# --- text -------------------------------------------------------------------------------------------------------------


def annotation_text(annotation: Any) -> str:
    """Return an annotation as one would write it, with short names.

    >>> annotation_text(dict[str, int] | None)
    'dict[str, int] | None'
    """
    if isinstance(annotation, str):
        return annotation
    if isinstance(annotation, ForwardRef):
        return annotation.__forward_arg__
    if annotation is None or annotation is NoneType:
        return "None"
    if annotation is Ellipsis:
        return "..."
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is None:
        return annotation.__name__ if isinstance(annotation, type) else repr(annotation).removeprefix("typing.")
    if origin is Union or origin is UnionType:
        return " | ".join(map(annotation_text, arguments))
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, arguments))}]"
    if origin is Annotated:
        return f"Annotated[{', '.join([annotation_text(arguments[0]), *map(repr, arguments[1:])])}]"
    return f"{getattr(origin, '__name__', origin)}[{', '.join(map(annotation_text, arguments))}]"
