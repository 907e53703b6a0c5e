"""The SQL of an UPDATE in ranges of pages, as ``migrate`` sends it and as a server-side loop for a script."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from ..locks.acquire import LONGEST_PAUSE_SECONDS, POLL_SECONDS
from ..locks.limits import PARTS, SHORTEST

#: Pages of the first range.
FIRST_PAGES = 64
#: At the end, this many rows are looked for that their holders have moved to a page that had been passed.
STRAYS = 1000
#: The server's error for a row that still fulfils the condition after it has been changed.
STILL = "a row fulfils the condition still"
#: An UPDATE that waits for one row holds no other, so no session waits for it: it starts this far up the ladder.
ROW_WAITS = 3

#: A session that waits for one of our rows, while we wait for one of its rows, has not looked for a deadlock yet when
#: we give up.
DEADLOCK_SQL = "(SELECT setting::pg_catalog.int4 FROM pg_catalog.pg_settings WHERE name = 'deadlock_timeout') * 3 / 4"


class Update:
    """``UPDATE table SET assignment WHERE where``, in parts.

    Pages are numbers, or SQL expressions for them.

    :param table: its name as it is written in SQL.
    :param key: the columns of its primary key, as they are written in SQL; empty if it has none.
    :param is_users: the user has written it, so that it might never end: the server refuses that.
    :param spares_triggers: the table's own triggers are not fired.
    """

    def __init__(
        self,
        table: str,
        assignment: str,
        where: str,
        key: Sequence[str] = (),
        is_users: bool = False,
        spares_triggers: bool = False,
    ) -> None:
        self.table = table
        self.assignment = assignment
        self.where = where
        self.key = key
        self.is_users = is_users
        self.spares_triggers = spares_triggers

    @property
    def before(self) -> list[str]:
        """Return the statements that stand before the UPDATE in its transaction."""
        return ["SET LOCAL session_replication_role = replica"] if self.spares_triggers else []

    @property
    def whole(self) -> str:
        return f"UPDATE {self.table} SET {self.assignment} WHERE ({self.where})"

    @property
    def what(self) -> str:
        """Say what is done to each row, for the log."""
        return f"SET {self.assignment}"

    def pages(self, start: object, end: object) -> str:
        """Return the UPDATE of a range.

        :param end: the page after the last one.
        """
        return self._checked(f"{self.whole} AND {page_range(start, end)}")

    def free_rows(self, start: object, end: object) -> str:
        """Return the UPDATE of a range's unlocked rows: it never waits."""
        free = f"SELECT ctid FROM {self._from(start, end)} FOR NO KEY UPDATE SKIP LOCKED"
        return self._checked(f"{self.whole} AND ctid = ANY (ARRAY({free}))")

    def left(self, start: object, end: object) -> str:
        """Return a query that gives, for each row still to be changed, a condition that is true for this row alone."""
        return f"SELECT {self._one} FROM {self._from(start, end)}"

    def rows(self, start: object, end: object) -> str:
        """Return the query of :meth:`left` for all rows of a range."""
        return f"SELECT {self._one} FROM {self.table} WHERE {page_range(start, end)}"

    @property
    def strays(self) -> str:
        """The query of :meth:`left` for the whole table."""
        return f"SELECT {self._one} FROM {self.table} WHERE ({self.where}) LIMIT {STRAYS}"

    @property
    def _one(self) -> str:
        """A condition on the key: an UPDATE that waits for a row changed by its holder gets the row's new version,
        which stands at another place, if that version fulfils the condition.
        """
        if not self.key:
            return "pg_catalog.format('ctid = %L::pg_catalog.tid AND tableoid = %s::pg_catalog.oid', ctid, tableoid)"
        equal = " AND ".join(column.replace("%", "%%") + " = %L" for column in self.key)
        values = ", ".join(f"{column}::pg_catalog.text" for column in self.key)
        return f"pg_catalog.format({literal(equal)}, {values})"

    def row(self, condition: str) -> str:
        # This condition stands first: what is computed for the other condition may fail for other rows.
        return self._checked(f"{self._of_row}{condition}{self._and_where}")

    def _checked(self, update: str) -> str:
        if not self.is_users:
            return update
        # The text is not a constant: the server would find out beforehand that a constant is not a boolean.
        refuse = f"pg_catalog.concat('{STILL}: ', tableoid::pg_catalog.text)::pg_catalog.bool"
        return f"{update} RETURNING CASE WHEN ({self.where}) THEN {refuse} END"

    @property
    def _of_row(self) -> str:
        return f"UPDATE {self.table} SET {self.assignment} WHERE "

    @property
    def _and_where(self) -> str:
        return f" AND ({self.where})"

    @property
    def any_row(self) -> str:
        """The UPDATE of :meth:`row` for a server-side block. Its condition is the first of an array."""
        return f"EXECUTE {literal(self._of_row)}::pg_catalog.text || zdm_left[1] || {literal(self._and_where)}"

    def _from(self, start: object, end: object) -> str:
        return f"{self.table} WHERE ({self.where}) AND {page_range(start, end)}"


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def page_range(start: object, end: object) -> str:
    return f"ctid >= {_first_row(start)} AND ctid < {_first_row(end)}"


def _first_row(page: object) -> str:
    if isinstance(page, int):
        return f"'({page},0)'::pg_catalog.tid"
    return f"pg_catalog.format('(%s,0)', {page})::pg_catalog.tid"


def pages_sql(table: str) -> str:
    """Return SQL for the number of pages of the largest of a table, its partitions and children: an UPDATE by ``ctid``
    reads its range in each.

    :param table: an SQL expression for the table's quoted name.
    """
    return (
        f"WITH RECURSIVE tree(oid) AS (SELECT pg_catalog.to_regclass({table}::pg_catalog.text)::pg_catalog.oid UNION "
        "SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON i.inhparent = tree.oid) "
        "SELECT coalesce(pg_catalog.max(pg_catalog.pg_relation_size(oid::pg_catalog.regclass)), 0::pg_catalog.int8) "
        "/ pg_catalog.current_setting('block_size')::pg_catalog.int8 FROM tree"
    )


#: The columns of a table's primary key, quoted, in their order.
KEY_SQL = """
SELECT pg_catalog.quote_ident(a.attname::pg_catalog.text) FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::pg_catalog.int2[])
WHERE i.indrelid = pg_catalog.to_regclass(%s::pg_catalog.text)::pg_catalog.oid AND i.indisprimary
"""


def loop(update: Update, longest: int, patience: int | None, batch: int) -> str:
    """Return a block that does what :class:`execution.batches.batches.Batches` does.

    Its variables have names that no column has.

    :param longest: the longest wait for a row, in ms.
    :param patience: LOCK_RETRY_TIMEOUT, in ms.
    :param batch: BACKFILL_BATCH_TIME, in ms.
    """
    # A server-side loop returns no rows.
    spares = update.spares_triggers
    update = Update(update.table, update.assignment, update.where, update.key)
    table = literal(update.table)
    pages = ("zdm_start", "zdm_start + zdm_size")
    body = _LOOP.format(
        pages=update.pages(*pages),
        free=update.free_rows(*pages),
        left=update.left(*pages),
        strays=update.strays,
        row=update.any_row,
        last=pages_sql(table),
        spares="PERFORM pg_catalog.set_config('session_replication_role', 'replica', true); " if spares else "",
        longest=longest,
        batch=batch / 1000,
        give_up=_give_up(table, patience),
    )
    quote = next(x for x in (f"${'fill' * n}$" for n in count(1)) if x not in body)
    return f"DO {quote}{body}{quote}"


def _give_up(table: str, patience: int | None) -> str:
    if not patience:
        return ""
    return (
        f"IF {_seconds('zdm_moved')} > {patience / 1000}::pg_catalog.float8 THEN RAISE lock_not_available "
        f"USING MESSAGE = {table[:-1]}: others have held rows for longer than LOCK_RETRY_TIMEOUT'; END IF;"
    )


def _seconds(since: str) -> str:
    return f"extract(epoch FROM pg_catalog.clock_timestamp() - {since})::pg_catalog.float8"


def _attempt(waits: str, statement: str) -> str:
    """Return a transaction that fails without an error. An inner block that fails releases its row locks; COMMIT stands
    outside.

    :param waits: SQL for a number: the longest wait for one row doubles with each.
    """
    wait = f"greatest({SHORTEST}, zdm_longest / {PARTS}) << least({waits}, 16)"
    return f"""
        PERFORM pg_catalog.set_config('lock_timeout', least(zdm_longest, {wait})::pg_catalog.text, true);
        {{spares}}BEGIN {statement};
        EXCEPTION WHEN lock_not_available OR deadlock_detected OR serialization_failure THEN zdm_done := false; END;
        COMMIT;"""


_AFTERWARDS = f"""
        zdm_took := {_seconds("zdm_began")};
        IF zdm_done THEN
            zdm_moved := pg_catalog.clock_timestamp();
        ELSE
            {{give_up}}
            PERFORM pg_catalog.pg_sleep(greatest(zdm_took, pg_catalog.random() * least(
                {LONGEST_PAUSE_SECONDS}::pg_catalog.float8, zdm_took + zdm_took + {POLL_SECONDS}::pg_catalog.float8)));
        END IF;"""

_LOOP = f"""
DECLARE
    zdm_page pg_catalog.int8 := 0; zdm_pages pg_catalog.int8 := {FIRST_PAGES}; zdm_last pg_catalog.int8 := ({{last}});
    zdm_start pg_catalog.int8; zdm_size pg_catalog.int8; zdm_held pg_catalog.int8[] := '{{{{}}}}';
    zdm_left pg_catalog.text[];
    zdm_longest pg_catalog.int4 := least({{longest}}, {DEADLOCK_SQL}); zdm_waits pg_catalog.int4 := 0;
    zdm_done pg_catalog.bool; zdm_forwards pg_catalog.bool; zdm_took pg_catalog.float8;
    zdm_began pg_catalog.timestamptz; zdm_moved pg_catalog.timestamptz := pg_catalog.clock_timestamp();
BEGIN
    WHILE zdm_page < zdm_last OR pg_catalog.cardinality(zdm_held) > 0 LOOP
        zdm_forwards := zdm_page < zdm_last;
        IF zdm_forwards THEN zdm_start := zdm_page; zdm_size := zdm_pages; zdm_waits := 0;
        ELSE zdm_start := zdm_held[1]; zdm_size := 1; END IF;
        zdm_began := pg_catalog.clock_timestamp();
        zdm_done := zdm_forwards;
        IF zdm_forwards THEN {_attempt("0", "{pages}")}
        END IF;
        IF NOT zdm_done AND zdm_size = 1 THEN {_attempt("0", "{free}")}
            zdm_left := ARRAY({{left}});
            zdm_done := true;
            WHILE zdm_done AND pg_catalog.cardinality(zdm_left) > 0 LOOP
                {_attempt(f"{ROW_WAITS} + zdm_waits", "{row}")}
                zdm_left := zdm_left[2:];
            END LOOP;
        END IF;
        {_AFTERWARDS}
        IF NOT zdm_forwards THEN
            zdm_held := zdm_held[2:]; zdm_waits := zdm_waits + 1;
        ELSIF zdm_done OR zdm_size = 1 THEN
            zdm_page := zdm_page + zdm_size;
            zdm_pages := greatest(1, least(zdm_size * 2, pg_catalog.floor(zdm_size::pg_catalog.float8
                * {{batch}}::pg_catalog.float8 / greatest(zdm_took, 0.001::pg_catalog.float8))));
        ELSE
            zdm_pages := zdm_size / 2;
        END IF;
        IF NOT zdm_done AND zdm_size = 1 THEN
            zdm_held := pg_catalog.array_append(zdm_held, zdm_start);
        END IF;
    END LOOP;
    zdm_left := ARRAY({{strays}});
    zdm_waits := 0;
    WHILE pg_catalog.cardinality(zdm_left) > 0 LOOP
        zdm_began := pg_catalog.clock_timestamp();
        zdm_done := true; {_attempt(f"{ROW_WAITS} + zdm_waits", "{row}")}
        {_AFTERWARDS}
        IF NOT zdm_done THEN
            zdm_left := pg_catalog.array_append(zdm_left, zdm_left[1]); zdm_waits := zdm_waits + 1;
        END IF;
        zdm_left := zdm_left[2:];
    END LOOP;
END """
