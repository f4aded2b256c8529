# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table for the terminal."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

GAP = "  "


def _text(value: t.Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(item) for item in value)
    return str(value)


def _is_number(value: t.Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def text_table(rows: t.Any) -> list[str]:
    """Return the lines of a table: the headings (all keys of *rows*, in the order of their first coming), a rule, and a line for each row.

    Numbers stand to the right, with a comma after each three digits; a column in which every row is empty is left out.
    """
    if not isinstance(rows, (list, tuple)) or not all(isinstance(row, dict) for row in rows):
        raise AnsibleFilterError(f"text_table takes a list of dictionaries, one a row; {rows!r} was given.")
    headings = dict.fromkeys(key for row in rows for key in row)
    columns = {key: [_text(row.get(key)) for row in rows] for key in headings}
    columns = {key: texts for key, texts in columns.items() if any(texts)}
    right = {key for key in columns if all(row.get(key) is None or _is_number(row[key]) for row in rows)}
    widths = {key: max(len(str(key)), *map(len, texts)) for key, texts in columns.items()}

    def line(texts: dict[t.Any, str]) -> str:
        cells = [text.rjust(widths[key]) if key in right else text.ljust(widths[key]) for key, text in texts.items()]
        return GAP.join(cells).rstrip()

    if not columns:
        return []
    return [
        line({key: str(key) for key in columns}),
        line({key: "-" * width for key, width in widths.items()}),
        *(line({key: texts[index] for key, texts in columns.items()}) for index in range(len(rows))),
    ]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return them by name."""
        return {"text_table": text_table}
