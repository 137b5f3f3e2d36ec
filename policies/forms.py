"""The form that sets a check: fields made from the check's own parameter type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from django import forms

from policies.configuration import BadSetting, configured, parameters
from policies.evaluate import Configured
from policies.models import CheckSetting, SeverityChoices
from policies.spec import Check

PREFIX = "param_"
MAX_LINES = 500


class Lines(forms.CharField):
    """A list of words, one per line."""

    widget = forms.Textarea(attrs={"rows": 5, "spellcheck": "false"})

    def __init__(self, *, of: type = str, **kwargs: Any) -> None:
        self.of = of
        super().__init__(strip=False, max_length=20_000, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(str(each) for each in value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[Any]:
        text = super().clean(value) or ""
        lines = [line.strip() for line in str(text).splitlines() if line.strip()]
        if len(lines) > MAX_LINES:
            raise forms.ValidationError(f"At most {MAX_LINES} lines, please.")
        if self.of is str:
            return lines
        try:
            return [self.of(line) for line in lines]
        except ValueError:
            raise forms.ValidationError("One number per line, please.") from None


class Pairs(forms.CharField):
    """Settings by name: `name = value`, one per line."""

    widget = forms.Textarea(attrs={"rows": 5, "spellcheck": "false"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strip=False, max_length=20_000, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return "\n".join(f"{name} = {each}" for name, each in sorted(value.items()))
        return value

    def clean(self, value: Any) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in str(super().clean(value) or "").splitlines():
            if not line.strip():
                continue
            name, equals, text = line.partition("=")
            if not equals or not name.strip():
                raise forms.ValidationError("Each line reads “name = value”.")
            found[name.strip()] = text.strip()
        return found


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
        return ", ".join(str(each) for each in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} = {each}" for name, each in sorted(value.items())) or "none"
    if value is None or value == "":
        return "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _field(kind: msgspec.inspect.Type, **common: Any) -> forms.Field:
    match kind:
        case msgspec.inspect.BoolType():
            return forms.BooleanField(required=False, **common)
        case msgspec.inspect.IntType(ge=low, gt=above, le=high):
            least = low if low is not None else (above + 1 if above is not None else None)
            return forms.IntegerField(required=False, min_value=least, max_value=high, **common)
        case msgspec.inspect.FloatType(ge=low, le=high):
            return forms.FloatField(required=False, min_value=low, max_value=high, **common)
        case msgspec.inspect.LiteralType(values=values):
            return forms.ChoiceField(choices=[(v, v) for v in values], **common)
        case msgspec.inspect.EnumType(cls=choices):
            return forms.ChoiceField(choices=[(v.value, v.value) for v in choices], **common)
        case msgspec.inspect.DictType():
            return Pairs(required=False, **common)
        case msgspec.inspect.CollectionType(item_type=item):
            of = int if isinstance(_plain(item)[0], msgspec.inspect.IntType) else str
            return Lines(of=of, required=False, **common)
        case _:
            return forms.CharField(required=False, max_length=2000, **common)
