"""Functions of a role that may create in a schema of the search_path, to be called in place of the server's own.

Each of these functions counts its calls and then raises, so that a call is missed neither by the caller nor by a later
look: a sequence keeps its value when the caller's transaction is rolled back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import django_zero_downtime_migrations as package

#: Types of the columns that catalogues have, and of what questions compare them with.
TYPES = (
    "bool", '"char"', "name", "text", "varchar", "int2", "int4", "int8", "float4", "float8", "numeric", "oid",
    "regclass", "regproc", "regtype", "regnamespace", "xid", "tid", "timestamptz", "interval", "json", "jsonb", "inet",
    "int2vector", "oidvector", "int2[]", "int8[]", "oid[]", "text[]", "name[]", '"char"[]', "regclass[]",
)  # fmt: skip
COMPARISONS = ("=", "<>", "<", "<=", ">", ">=", "~", "!~", "~~", "!~~", "~~*", "@>", "&&")
OTHERS = ("+", "-", "*", "/", "%", "||", "->", "->>", "#>>")
ARGUMENTS = ("text", "name", "oid", "int4", '"char"', "regclass")

# The arguments of a function for each number of them; what the server has itself stands in front of it anyway.
_PLANT = """
SET search_path = pg_catalog;
CREATE SEQUENCE {schema}.called;
GRANT ALL ON SEQUENCE {schema}.called TO PUBLIC;
CREATE FUNCTION {schema}.caught(what text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $f$
BEGIN
    PERFORM nextval('{schema}.called');
    RAISE EXCEPTION 'hostile % was called as %', what, current_user;
END $f$;
DO $do$
DECLARE one text; other text; sign text; body text;
BEGIN
    FOREACH one IN ARRAY {functions} LOOP
        FOREACH other IN ARRAY {arguments} LOOP
            CONTINUE WHEN to_regprocedure(format('pg_catalog.%I(%s)', one, other)) IS NOT NULL;
            EXECUTE format(
                'CREATE FUNCTION {schema}.%I(%s) RETURNS text LANGUAGE plpgsql AS $f$
                BEGIN PERFORM {schema}.caught(%L); RETURN NULL; END $f$', one, other, one || '(' || other || ')');
        END LOOP;
    END LOOP;
    FOREACH one IN ARRAY {types} LOOP
        FOREACH other IN ARRAY {types} LOOP
            body := format(
                'LANGUAGE plpgsql AS $f$ BEGIN PERFORM {schema}.caught(%L); RETURN NULL; END $f$',
                one || ' and ' || other);
            EXECUTE format('CREATE FUNCTION {schema}.compare(%s, %s) RETURNS bool %s', one, other, body);
            EXECUTE format('CREATE FUNCTION {schema}.compute(%s, %s) RETURNS text %s', one, other, body);
            FOREACH sign IN ARRAY {comparisons} || {others} LOOP
                CONTINUE WHEN to_regoperator(format('pg_catalog.%s(%s, %s)', sign, one, other)) IS NOT NULL;
                EXECUTE format(
                    'CREATE OPERATOR {schema}.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = {schema}.%s)',
                    sign, one, other, CASE WHEN sign = ANY ({comparisons}) THEN 'compare' ELSE 'compute' END);
            END LOOP;
        END LOOP;
    END LOOP;
END $do$;
RESET search_path;
"""


def overloads(schema: str) -> str:
    """SQL that makes them."""
    pairs = [f"{one}, {other}" for one in ARGUMENTS for other in ARGUMENTS]
    lists = {"functions": functions(), "arguments": ("", *TYPES, *pairs), "types": TYPES, "others": OTHERS}
    text = _PLANT.replace("{schema}", schema).replace("{comparisons}", _array(COMPARISONS))
    for name, values in lists.items():
        text = text.replace("{" + name + "}", _array(values))
    return text


def without_those_of_django(schema: str) -> str:
    """SQL that takes away what Django's own get_constraints() and get_sequences() would call, and the conditions of an
    index on a CharField.
    """
    return f"""
        SET search_path = pg_catalog;
        DO $do$
        DECLARE one text;
        BEGIN
            FOR one IN SELECT oid::regprocedure::text FROM pg_proc
            WHERE pronamespace = '{schema}'::regnamespace AND proname IN ('unnest', 'array_agg') LOOP
                EXECUTE 'DROP FUNCTION ' || one;
            END LOOP;
            FOR one IN SELECT oid::regoperator::text FROM pg_operator
            WHERE oprnamespace = '{schema}'::regnamespace AND (
                (oprname = '||' AND 'name'::regtype IN (oprleft, oprright))
                OR 'varchar'::regtype IN (oprleft, oprright)
                OR (oprname = '=' AND oprleft = 'oid'::regtype AND oprright = 'regclass'::regtype)
            ) LOOP
                EXECUTE 'DROP OPERATOR ' || one;
            END LOOP;
        END $do$;
        RESET search_path;
    """


def relations(schema: str) -> str:
    """SQL that makes a table, and so a type, of the name of every catalogue that the package reads, and domains of the
    names of types.
    """
    tables = "; ".join(f"CREATE TABLE {schema}.{name} (hostile integer)" for name in catalogues())
    return f"{tables}; " + "; ".join(f"CREATE DOMAIN {schema}.{name} AS pg_catalog.point" for name in _plain_types())


def functions() -> list[str]:
    """Return the functions of the server that the package calls."""
    return sorted(set(re.findall(r"pg_catalog\.(\w+)\(", _sources())))


def catalogues() -> list[str]:
    return sorted(set(re.findall(r"(?:FROM|JOIN) pg_catalog\.(pg_\w+)(?!\w|\()", _sources())))


def _plain_types() -> list[str]:
    return sorted(set(re.findall(r"::pg_catalog\.(\w+)", _sources())))


def _sources() -> str:
    folder = Path(package.__file__).parent
    return "\n".join(path.read_text("utf-8") for path in sorted(folder.rglob("*")) if path.suffix in (".py", ".sql"))


def _array(values: Iterable[str]) -> str:
    return "ARRAY[" + ", ".join("'" + value.replace("'", "''") + "'" for value in values) + "]::text[]"
