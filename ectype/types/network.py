"""The types of networks: IP addresses, IP networks and hardware addresses.

SQLite holds their canonical text, whose equality is theirs, and whose order is not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, ClassVar, Final, Generic, TypeAlias, TypeVar, Union, cast

from ectype.result import Err, Ok
from ectype.types.base import Codec, JsonForm, Target
from ectype.types.refusals import refused, unreadable
from ectype.types.scalars import CAST_FIRST, Scalar

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
V = TypeVar("V", bound=Address | Network)

_ADDRESS: Final = re.compile(r"[0-9a-fA-F:.]{2,45}")
_NETWORK: Final = re.compile(r"[0-9a-fA-F:.]{2,45}(?:/[0-9]{1,3})?")


class _Ip(Scalar[V], Generic[V]):
    """What addresses and networks share: values of one class or of two, and their text."""

    __slots__ = ()

    classes: tuple[type[V], ...]
    grammar: ClassVar[re.Pattern[str]]
    postgres: ClassVar[str]

    @property
    def python(self) -> Any:
        """The class of its values, or a union of two."""
        return Union[self.classes]  # noqa: UP007  # known at run time only

    def cast(self, value: object) -> Ok[V] | Err:
        """Take a value, or its text; never a number, bytes, a zone or a netmask in words."""
        if value.__class__ in self.classes and not getattr(value, "scope_id", None):
            return Ok(cast("V", value))
        found = self._of(value) if isinstance(value, str) and self.grammar.fullmatch(value) else None
        return Err() if found is None else Ok(found)

    def _of(self, text: str) -> V | None:
        for one in self.classes:
            try:
                return one(text)
            except ValueError:
                continue
        return None

    def codec(self, target: Target) -> Codec:
        """Return how the values are stored."""

        def dump(value: Any) -> Any:
            if value.__class__ not in self.classes:
                raise refused(value, f"an {self._words()}", hint=CAST_FIRST)
            if getattr(value, "scope_id", None):
                raise refused(value, "an address without a zone, which no database keeps")
            return value

        def load(value: Any) -> V:
            if value.__class__ in self.classes:
                return cast("V", value)
            raise unreadable(value, f"an {self._words()}", hint="an `inet` with a netmask is no address: keep a `cidr`")

        def load_text(text: Any) -> V:
            found = self._of(text) if isinstance(text, str) else None
            if found is None:
                raise unreadable(text, f"an {self._words()}")
            return found

        if target == "postgres":
            return Codec(self.postgres, dump, load)
        return Codec("TEXT", lambda value: str(dump(value)), load_text, compares="equality")

    def json_form(self) -> JsonForm:
        """Return what JSON makes of the values: their text."""
        formats = [{"type": "string", "format": one.__name__.lower().removesuffix("address")} for one in self.classes]
        return JsonForm(formats[0] if len(formats) == 1 else {"anyOf": formats}, str)

    def _words(self) -> str:
        return " or ".join(one.__name__ for one in self.classes)


@dataclass(frozen=True, slots=True)
class IpAddress(_Ip[Address]):
    """IP addresses: `inet`, TEXT.

    Attributes:
        classes: `IPv4Address`, `IPv6Address`, or both.

    >>> IpAddress((IPv4Address,)).cast("10.0.0.1"), IpAddress((IPv4Address,)).cast("::1")
    (Ok(IPv4Address('10.0.0.1')), Err('is invalid'))
    """

    classes: tuple[type[Address], ...] = (IPv4Address, IPv6Address)

    word: ClassVar = "inet"
    grammar: ClassVar = _ADDRESS
    postgres: ClassVar = "inet"


@dataclass(frozen=True, slots=True)
class IpNetwork(_Ip[Network]):
    """IP networks: `cidr`, TEXT. A network with bits set behind its mask is refused.

    Attributes:
        classes: `IPv4Network`, `IPv6Network`, or both.

    >>> IpNetwork((IPv4Network,)).cast("10.0.0.0/8"), IpNetwork((IPv4Network,)).cast("10.0.0.1/8")
    (Ok(IPv4Network('10.0.0.0/8')), Err('is invalid'))
    """

    classes: tuple[type[Network], ...] = (IPv4Network, IPv6Network)

    word: ClassVar = "cidr"
    grammar: ClassVar = _NETWORK
    postgres: ClassVar = "cidr"


# --- MacAddress -------------------------------------------------------------------------------------------------------

_MAC: Final = re.compile(
    r"(?:[0-9a-f]{2}(?::[0-9a-f]{2}){5}|[0-9a-f]{2}(?:-[0-9a-f]{2}){5}|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}|[0-9a-f]{12})",
    re.IGNORECASE | re.ASCII,
)
_CANONICAL: Final = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_MAC_LENGTH: Final = 17


def _dump_mac(value: Any) -> str:
    if isinstance(value, str) and _CANONICAL.fullmatch(value):
        return str.__str__(value)
    raise refused(value, "a hardware address as 08:00:2b:01:02:03", hint=CAST_FIRST)


def _load_mac(value: Any) -> str:
    if isinstance(value, str) and _CANONICAL.fullmatch(value):
        return value
    raise unreadable(value, "a hardware address as 08:00:2b:01:02:03")


class MacAddress(Scalar[str]):
    """Hardware addresses of six bytes, as text: `macaddr`, TEXT. Written `field(type=MacAddress)`.

    >>> MacAddress().cast("08-00-2B-01-02-03")
    Ok('08:00:2b:01:02:03')
    """

    __slots__ = ()
    word: ClassVar = "macaddr"
    value_class: ClassVar = str
    codecs: ClassVar = {
        "postgres": Codec("macaddr", _dump_mac),
        "sqlite": Codec("TEXT", _dump_mac, _load_mac),
    }
    form: ClassVar = JsonForm({"type": "string", "pattern": f"^{_CANONICAL.pattern}$"}, accepts={"type": "string"})

    def cast(self, value: object) -> Ok[str] | Err:
        """Take twelve hex digits, in pairs with `:` or `-`, in fours with dots, or together."""
        if not isinstance(value, str) or len(value) > _MAC_LENGTH or not _MAC.fullmatch(value):
            return Err()
        digits = "".join(one for one in value.lower() if one not in ":-.")
        return Ok(":".join(digits[at : at + 2] for at in range(0, 12, 2)))
