"""Our own short texts (why, fix) as HTML: paragraphs, lists, **bold** and `code`, nothing else.

The text is escaped first and only then marked up, so that no text whatever can become a tag.
"""

import re

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

_INLINE = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")
_BULLET = re.compile(r"^\s*[-*]\s+")
_NUMBER = re.compile(r"^\s*\d+[.)]\s+")
_FENCE = "```"


def to_html(text: str) -> SafeString:
    """Safe HTML of a text in the subset above. Unknown marks stay as they were typed."""
    blocks = "".join(_block(lines) for lines in _blocks(text))
    return mark_safe(blocks)  # noqa: S308 (made of escaped text and the tags below)


def _blocks(text: str) -> list[list[str]]:
    blocks: list[list[str]] = [[]]
    fenced = False
    for line in text.strip().splitlines():
        starts_fence = line.strip().startswith(_FENCE)
        if starts_fence and not fenced:
            blocks.append([])
        if line.strip() or fenced:
            blocks[-1].append(line)
        else:
            blocks.append([])
        if starts_fence:
            if fenced:
                blocks.append([])
            fenced = not fenced
    return [block for block in blocks if block]


def _block(lines: list[str]) -> str:
    if lines[0].strip().startswith(_FENCE):
        body = lines[1:-1] if lines[-1].strip() == _FENCE and len(lines) > 1 else lines[1:]
        return f"<pre><code>{escape(chr(10).join(body))}</code></pre>"
    for pattern, tag in ((_BULLET, "ul"), (_NUMBER, "ol")):
        if pattern.match(lines[0]):
            return f"<{tag}>{_items(lines, pattern)}</{tag}>"
    return f"<p>{_inline(' '.join(line.strip() for line in lines))}</p>"


def _items(lines: list[str], pattern: re.Pattern[str]) -> str:
    items: list[str] = []
    for line in lines:
        if pattern.match(line) or not items:
            items.append(pattern.sub("", line).strip())
        else:
            items[-1] += f" {line.strip()}"
    return "".join(f"<li>{_inline(item)}</li>" for item in items)


def _inline(text: str) -> str:
    parts: list[str] = []
    position = 0
    for match in _INLINE.finditer(text):
        parts.append(escape(text[position : match.start()]))
        code, bold = match.groups()
        parts.append(f"<code>{escape(code)}</code>" if code else f"<strong>{escape(bold)}</strong>")
        position = match.end()
    parts.append(escape(text[position:]))
    return "".join(parts)
