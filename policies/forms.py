"""The form that sets a check: fields made from the check's own parameter type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from django import forms

from policies.configuration import BadSetting, configured, parameters
from policies.evaluate import Configured
from policies.models import CheckSetting, SeverityChoices
from policies.spec import Check

Reader = Callable[[str], Any]

PREFIX = "param_"
MAX_LINES = 500
MOST = 36_500  # where a check names no limit: a hundred years of days


class Lines(forms.CharField):
    """A list, one value a line; a value of several parts has them between commas."""

    widget = forms.Textarea(attrs={"rows": 5, "spellcheck": "false"})

    def __init__(self, *, of: Reader = str, is_nested: bool = False, **kwargs: Any) -> None:
        self.of, self.is_nested = of, is_nested
        super().__init__(strip=False, max_length=20_000, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, str) or value is None:
            return value
        return "\n".join(
            ", ".join(map(str, each)) if isinstance(each, list | tuple) else str(each)
            for each in value
        )

    def clean(self, value: Any) -> list[Any]:
        text = str(super().clean(value) or "")
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        if len(lines) > MAX_LINES:
            raise forms.ValidationError(f"At most {MAX_LINES} lines, please.")
        try:
            return [self._read(line) for line in lines]
        except ValueError:
            raise forms.ValidationError("Whole numbers only, please.") from None

    def _read(self, line: str) -> Any:
        if self.is_nested:
            return [self.of(part.strip()) for part in line.split(",")]
        return self.of(line)


class Pairs(forms.CharField):
    """Values by name: `name = value`, one a line."""

    widget = forms.Textarea(attrs={"rows": 5, "spellcheck": "false"})

    def __init__(self, *, of: Reader = str, **kwargs: Any) -> None:
        self.of = of
        super().__init__(strip=False, max_length=20_000, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return "\n".join(f"{name} = {each}" for name, each in sorted(value.items()))
        return value

    def clean(self, value: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for line in str(super().clean(value) or "").split("\n"):
            if not line.strip():
                continue
            name, equals, text = line.partition("=")
            if not equals or not name.strip():
                raise forms.ValidationError("Each line reads “name = value”.")
            try:
                found[name.strip()] = self.of(text.strip())
            except ValueError:
                raise forms.ValidationError("Each line reads “name = whole number”.") from None
        return found


def whole_number(text: str) -> int:
    """The number, or raise ValueError; nothing a column or a clock cannot hold."""
    number = int(text)
    if not -(2**31) <= number < 2**31:
        raise ValueError("out of range")
    return number


class SettingForm(forms.Form):
    """On or off, how severe, and one field a parameter."""

    is_enabled = forms.BooleanField(required=False, label="Ask this check")
    severity = forms.ChoiceField(choices=SeverityChoices, label="Severity")

    def __init__(self, check: Check, setting: CheckSetting | None, data: Any = None) -> None:
        self.check = check
        self.now = configured(check, setting)
        super().__init__(data, initial=_initial(self.now))
        for field, made in parameter_fields(check):
            self.fields[PREFIX + field] = made

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                parameters(self.check, self.params)
            except BadSetting as error:
                self._blame(str(error))
        return cleaned

    def _blame(self, message: str) -> None:
        """Put the message beside the field it is about, when it names one."""
        name, colon, problem = message.partition(": ")
        if colon and name in self.check.params.__struct_fields__:
            self.add_error(PREFIX + name, problem[:1].upper() + problem[1:])
        else:
            self.add_error(None, message)

    @property
    def params(self) -> dict[str, Any]:
        """The parameters as JSON values. A field left empty keeps the check's default."""
        return {
            name.removeprefix(PREFIX): value
            for name, value in self.cleaned_data.items()
            if name.startswith(PREFIX) and value is not None
        }

    @property
    def parameter_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith(PREFIX)]


def _initial(now: Configured) -> dict[str, Any]:
    values = msgspec.to_builtins(now.params)
    return {
        "is_enabled": now.enabled,
        "severity": now.severity.value,
        **{PREFIX + name: value for name, value in values.items()},
    }


def parameter_fields(check: Check) -> Iterator[tuple[str, forms.Field]]:
    """A form field for each parameter, from its type."""
    struct = msgspec.inspect.type_info(check.params)
    if not isinstance(struct, msgspec.inspect.StructType):
        return
    defaults = msgspec.to_builtins(check.params())
    for field in struct.fields:
        kind, description = _plain(field.type)
        yield (
            field.name,
            _field(
                kind,
                label=field.name.replace("_", " ").capitalize(),
                help_text=_help(description, defaults[field.name]),
            ),
        )


def _plain(kind: msgspec.inspect.Type) -> tuple[msgspec.inspect.Type, str]:
    """The type without its description, and the description."""
    description = ""
    while isinstance(kind, msgspec.inspect.Metadata):
        description = description or str((kind.extra_json_schema or {}).get("description", ""))
        kind = kind.type
    return kind, description


def _help(description: str, default: Any) -> str:
    text = f"{description.rstrip('.')}. " if description else ""
    return f"{text}Default: {default_words(default)}."


def default_words(value: Any) -> str:
    """A parameter's value in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple | set | frozenset):
        return "; ".join(map(_words_of_one, value)) or "none"
    if isinstance(value, dict):
        return "; ".join(f"{name} = {each}" for name, each in sorted(value.items())) or "none"
    return "none" if value is None or value == "" else _words_of_one(value)


def _words_of_one(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)


def _field(kind: msgspec.inspect.Type, **common: Any) -> forms.Field:
    match kind:
        case msgspec.inspect.BoolType():
            return forms.BooleanField(required=False, **common)
        case msgspec.inspect.IntType(ge=low, gt=above, le=high):
            least = low if low is not None else (above + 1 if above is not None else None)
            most = high if high is not None else MOST
            return forms.IntegerField(required=False, min_value=least, max_value=most, **common)
        case msgspec.inspect.FloatType(ge=low, le=high):
            return forms.FloatField(required=False, min_value=low, max_value=high, **common)
        case msgspec.inspect.LiteralType(values=values):
            return forms.ChoiceField(choices=[(v, v) for v in values], **common)
        case msgspec.inspect.EnumType(cls=choices):
            return forms.ChoiceField(choices=[(v.value, v.value) for v in choices], **common)
        case msgspec.inspect.DictType(value_type=item):
            return Pairs(of=_reader(item), required=False, **common)
        case msgspec.inspect.CollectionType(item_type=item):
            return _lines(_plain(item)[0], **common)
        case _:
            return forms.CharField(required=False, max_length=2000, **common)


def _lines(item: msgspec.inspect.Type, **common: Any) -> Lines:
    if isinstance(item, msgspec.inspect.TupleType):
        reader = _reader(item.item_types[0])
        return Lines(of=reader, is_nested=True, required=False, **common)
    return Lines(of=_reader(item), required=False, **common)


def _reader(kind: msgspec.inspect.Type) -> Reader:
    return whole_number if isinstance(_plain(kind)[0], msgspec.inspect.IntType) else str
