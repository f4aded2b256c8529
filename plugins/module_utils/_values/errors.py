# Copyright: (c) 2026, NFV OVS-DPDK contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of this collection (private to it).

Everything below ``plugins/modules`` raises one of these; ``main()`` of a module turns it into ``fail_json``.
"""

from __future__ import annotations

import typing as t


class OvsDpdkError(Exception):
    """Something a user has to read; ``details`` are further results of the failed task (JSON values)."""

    def __init__(self, message: str, **details: t.Any) -> None:
        super().__init__(message)
        self.details = details


class InputError(OvsDpdkError):
    """An option that cannot be met; raised before anything is touched."""

    def __init__(self, subject: str, option: str, given: t.Any, possible: str, advice: str) -> None:
        """Name the object and the option, what was given, what is possible and what to do.

        *subject* is the object as the user calls it, for instance ``port dpdk0``; *given* is None for what is missing;
        *possible* and *advice* are sentences.
        """
        what = f"{option} is missing" if given is None else f"{option}={given!r} is not possible"
        super().__init__(f"{subject}: {what}. {possible} {advice}")
        self.subject = subject
        self.option = option


class HostError(OvsDpdkError):
    """The host, a command or a daemon refused or did not answer."""
