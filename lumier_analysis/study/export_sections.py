"""How the plan describes raw exports: their dialect, their columns, and the canonical tables made of them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from lumier_analysis.study.sections import Section

#: Formats whose files say themselves how numbers and dates are stored.
STATISTICAL = ("sas", "spss", "stata")
_TYPES = Literal["text", "integer", "number", "date", "flag", "category", "censored", "titre"]


def _found(value: Any) -> Any:
    """Read ``auto`` as "to be found in the file", like a key that is left out."""
    return None if isinstance(value, str) and value.strip().lower() == "auto" else value


class FileSpec(Section):
    """One raw file (or a pattern of files) and how to read it; what is left out or ``auto`` is found in the file.

    `dates` is a strptime format, ``excel`` or ``excel_1904`` (spreadsheet serial numbers), or a list of them. `header`
    is the 1-based line of the column names. `rows` is the number of rows that the export should have: a file cut
    exactly at the end of a line cannot be told from a whole one otherwise. `dictionary` is the data dictionary of a
    REDCap project (CSV) or the format catalogue of a SAS file (.sas7bcat).
    """

    path: str
    format: Literal["delimited", "redcap", "sas", "spss", "stata", "biomark", "ct", "geo_series_matrix"]
    separator: str | None = None
    decimal: Literal[".", ","] | None = None
    encoding: str | None = None
    dates: str | list[str] | None = None
    header: int | None = Field(default=None, ge=1)
    rows: int | None = Field(default=None, ge=0)
    dictionary: str | None = None

    @field_validator("separator", "decimal", "encoding", "dates", "header", mode="before")
    @classmethod
    def _auto(cls, value: Any) -> Any:
        return _found(value)

    @model_validator(mode="after")
    def _keys_fit_the_format(self) -> FileSpec:
        if self.dates == []:
            raise ValueError('dates is an empty list; leave it out, or write dates: "%d/%m/%Y"')
        if self.format in STATISTICAL and (self.separator or self.header):
            raise ValueError(f"a file of format {self.format} has no separator and no header line: leave them out")
        if self.rows is not None and self.format == "geo_series_matrix":
            raise ValueError("rows is not for a series matrix, which says its own size")
        if self.dictionary and self.format not in ("redcap", "sas"):
            raise ValueError(f"dictionary is for the formats redcap and sas; {self.path} is {self.format}")
        return self

    @property
    def date_formats(self) -> tuple[str, ...]:
        """The date formats as a tuple; empty where they are to be found."""
        return () if self.dates is None else (self.dates,) if isinstance(self.dates, str) else tuple(self.dates)


class ColumnSpec(Section):
    """Where a canonical column comes from and what type it has.

    `values` translates codes or labels: needed for a category; for a flag its meanings are yes and no. `unit` is the
    unit of the analysis: a value may carry it ("0,5 g/24h"). `units` are other units a value may carry, with the
    factor that turns them into `unit`. `width` is the length that an identifier of digits has before a spreadsheet
    strips its leading zeros. `partial` says what a partial date (UK/03/2018, 03/2018, 2018) is taken for: ``query``
    (missing), ``keep`` (missing, its bounds kept), or ``earliest``, ``middle`` or ``latest`` day of its bounds; unless
    it is ``query`` the columns ``<name>_earliest``, ``<name>_latest`` and ``<name>_precision`` stand beside it.
    """

    source: str = Field(alias="from")
    type: _TYPES
    values: dict[str, str] | None = None
    unit: str = ""
    units: dict[str, float] = {}
    absent: list[str] = []
    width: int | None = Field(default=None, ge=1, le=40)
    partial: Literal["query", "keep", "earliest", "middle", "latest"] = "query"

    @field_validator("values", mode="before")
    @classmethod
    def _codes_are_text(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        for item in (*values, *values.values()):
            if isinstance(item, bool):
                raise ValueError('YAML reads a bare yes, no, true or false as a truth value: quote it, as {"1": "yes"}')
        plain = {k: str(v) if isinstance(v, int) else v for k, v in values.items()}
        return {str(k) if isinstance(k, int) else k: v for k, v in plain.items()}

    @model_validator(mode="after")
    def _keys_fit_the_type(self) -> ColumnSpec:
        if self.type == "category" and not self.values:
            raise ValueError("a category needs its values, e.g. values: {F: female, H: male}")
        if self.type == "flag" and (strange := sorted(set((self.values or {}).values()) - {"yes", "no"})):
            raise ValueError(
                f'the values of a flag mean "yes" or "no", not {strange[0]}: write values: {{"1": "yes", "2": "no"}}'
            )
        for key, types in (
            ("units", ("number", "integer", "censored")),
            ("width", ("text",)),
            ("partial", ("date",)),
        ):
            if key in self.model_fields_set and self.type not in types:
                raise ValueError(f"{key} is for type {' or '.join(types)}; this column is {self.type}")
        if self.units and not self.unit:
            raise ValueError("units needs unit: the unit that the factors lead to")
        if any(not factor > 0 for factor in self.units.values()):
            raise ValueError("the factors of units are above 0")
        return self


class TableSpec(Section):
    """A canonical table: its raw file, the rows that count, its columns."""

    file: str
    where: dict[str, list[str]] = {}
    one_row_per: str | None = None
    order_by: str | None = None
    columns: dict[str, ColumnSpec]


class Tables(Section):
    """The canonical tables; what a study does not have is left out."""

    patients: TableSpec
    visits: TableSpec
    samples: TableSpec
    flares: TableSpec | None = None
    plate_map: TableSpec | None = None
    controls: TableSpec | None = None
