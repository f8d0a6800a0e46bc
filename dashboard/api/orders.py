"""The bodies of what operators order of incidents: read strictly, refused by the name of a field."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar, TypeVar

import msgspec

from dashboard.identity import signer
from domain.operating import LONGEST_NAME, LONGEST_TEXT, Order, Verb

Name = Annotated[str, msgspec.Meta(max_length=LONGEST_NAME)]
Text = Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]
Minutes = Annotated[int, msgspec.Meta(ge=1, le=7 * 24 * 60)]

# A name is one line and reads as it is written: no control characters, none that turn its direction.
UNNAMEABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
TURNING = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# A text may have lines and tabs.
UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
FIELD = re.compile(r"^(?P<what>.*) - at `\$\.(?P<field>[^`]+)`$", re.DOTALL)


class Refused(Exception):
    """A request that can't be understood; the message names the field."""


class Body(msgspec.Struct, forbid_unknown_fields=True):
    """What every order has: who gives it, and the order it makes."""

    names: ClassVar[tuple[str, ...]] = ()
    texts: ClassVar[tuple[str, ...]] = ()

    @property
    def actor(self) -> str:
        """Who orders it."""
        return signer(None)

    def order(self, verb: Verb) -> Order:
        """The order."""
        return Order(verb=verb)


class Nothing(Body):
    """An order that needs no words."""


class Signed(Body):
    """An order with the name of who gives it, for the timeline; anonymous without one."""

    names: ClassVar[tuple[str, ...]] = ("by",)
    by: Name | None = None

    @property
    def actor(self) -> str:
        """Who orders it."""
        return signer(self.by)


class Move(Signed):
    """An order that needs no words."""


class Acknowledge(Body):
    """Somebody has it in hand; `sticky` keeps that also when it gets worse.

    After `minutes` it lapses, and those who were told are told again.
    """

    names: ClassVar[tuple[str, ...]] = ("acknowledged_by",)
    acknowledged_by: Name | None = None
    sticky: bool = False
    minutes: Minutes | None = None

    @property
    def actor(self) -> str:
        """Who has it in hand."""
        return signer(self.acknowledged_by)

    def order(self, verb: Verb) -> Order:
        """The order."""
        lasts = None if self.minutes is None else timedelta(minutes=self.minutes)
        return Order(verb=verb, sticky=self.sticky, lasts=lasts)


class Comment(Signed, kw_only=True):
    """A line for the timeline; a `public` one stands on the status page too."""

    texts: ClassVar[tuple[str, ...]] = ("text",)
    text: Text
    public: bool = False

    def order(self, verb: Verb) -> Order:
        """The order. Raises Refused when there is nothing to say."""
        if not self.text.strip():
            raise Refused("text: it is empty")
        return Order(verb=verb, text=self.text, public=self.public)


class Assign(Signed, kw_only=True):
    """Whose it is; null: nobody's."""

    names: ClassVar[tuple[str, ...]] = ("by", "assignee")
    assignee: Name | None

    def order(self, verb: Verb) -> Order:
        """The order."""
        return Order(verb=verb, assignee=self.assignee.strip() if self.assignee else None)


class Resolve(Signed):
    """It is over; `force` says so although it is still bad."""

    texts: ClassVar[tuple[str, ...]] = ("notes",)
    notes: Text = ""
    force: bool = False

    def order(self, verb: Verb) -> Order:
        """The order."""
        return Order(verb=verb, text=self.notes.strip(), force=self.force)


B = TypeVar("B", bound=Body)


def decode(data: bytes, body: type[B]) -> B:
    """The body of a request; none is as good as an empty one. Raises Refused naming the field."""
    try:
        read = msgspec.json.decode(data or b"{}", type=body)
    except msgspec.ValidationError as error:
        raise Refused(_in_words(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused("the body is not JSON") from None
    return _checked(read)


def convert(fields: Mapping[str, Any], body: type[B]) -> B:
    """The body that a form's fields make, numbers and flags read from text. Raises Refused."""
    try:
        return _checked(msgspec.convert(fields, body, strict=False))
    except msgspec.ValidationError as error:
        raise Refused(_in_words(str(error))) from None


def _checked(read: B) -> B:
    for field in read.names:
        _check_name(field, getattr(read, field))
    for field in read.texts:
        if UNWRITABLE.search(getattr(read, field)):
            raise Refused(f"{field}: it has control characters in it")
    return read


def _check_name(field: str, name: str | None) -> None:
    if name is None:
        return
    if not name.strip():
        raise Refused(f"{field}: it is empty")
    if TURNING.search(name) or any(unicodedata.category(each) in UNNAMEABLE for each in name):
        raise Refused(f"{field}: it has control characters in it")


def _in_words(error: str) -> str:
    """msgspec's sentence, the field first: "text: Expected `str`, got `int`"."""
    found = FIELD.match(error)
    return f"{found['field']}: {found['what']}" if found else error
