"""Where every row went: read = set aside for a named reason + used, table by table, or the run stops."""

from __future__ import annotations

from dataclasses import fields

import pandas as pd

from lumier_analysis.cleaning.tables import RowAccount
from lumier_analysis.errors import AnalysisError

#: Fields of a `RowAccount` in words; one that is not named here is shown under its own name.
WORDS = {
    "other": "not a row of this table (`where` of the plan)",
    "repeated": "a further row of the same unit (`one_row_per` of the plan)",
    "duplicates": "the same line twice",
}
USED = "used"


class Accounts:
    """Collects what each table read, set aside and used.

    A table is opened with what was read, loses rows by `set_aside`, and is closed with what is left; closing asserts
    that nothing is missing.
    """

    def __init__(self) -> None:
        self._lines: list[tuple[str, str, str, int]] = []
        self._files: dict[str, str] = {}
        self._left: dict[str, int] = {}
        self._closed: set[str] = set()

    def open(self, table: str, file: str, n_read: int) -> None:
        """Start the account of a table."""
        self._files[table], self._left[table] = file, n_read
        self._lines.append((table, file, "read", n_read))

    def open_from(self, account: RowAccount) -> None:
        """Start the account of a table with what its mapping says of the raw rows."""
        self.open(account.table, account.file, account.read)
        for field in fields(account):
            if field.name not in ("table", "file", "read", "used"):
                self.set_aside(account.table, WORDS.get(field.name, field.name), getattr(account, field.name))

    def set_aside(self, table: str, reason: str, n: int) -> None:
        """Count `n` rows of a table that are not used, and why; none is no line."""
        if n < 0:
            raise AnalysisError(f"Table {table} has more rows after a step than before it", found=f"{-n} more")
        if n:
            self._left[table] -= n
            self._lines.append((table, self._files[table], reason, n))

    def close(self, table: str, n_used: int) -> None:
        """End the account of a table.

        Raises
        ------
        AnalysisError
            Rows read are not rows set aside plus rows used.
        """
        if self._left[table] != n_used:
            raise AnalysisError(
                f"The rows of table {table} do not add up",
                found=f"{self._left[table]} left after what was set aside, {n_used} used",
            )
        self._lines.append((table, self._files[table], USED, n_used))
        self._closed.add(table)

    def frame(self) -> pd.DataFrame:
        """Return all accounts as one table.

        Returns
        -------
        DataFrame
            table, file, step ("read", "set aside", "used"), reason, rows; every table read to used.

        Raises
        ------
        AnalysisError
            An account was not closed.
        """
        if still_open := [t for t in self._files if t not in self._closed]:
            raise AnalysisError("Rows are not accounted for to the end", found=f"table {', '.join(still_open)}")
        rows = []
        for table in self._files:
            for _, file, what, n in (line for line in self._lines if line[0] == table):
                step = what if what in ("read", USED) else "set aside"
                rows.append((table, file, step, "" if step == what else what, n))
        return pd.DataFrame(rows, columns=["table", "file", "step", "reason", "rows"])
