"""The lines that the scripts print; see main.go."""
import os
import sys

GATEWAY = os.environ["C2D_SERVER"] == "gateway"
sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)


def one_line(value):
    return str(value).replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")


def state_of(error):
    """SQLSTATE, where psycopg2 and the others have it."""
    return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)


def describe(error):
    """Class and SQLSTATE of a database error, as a program would look at it, and its message."""
    return "%s %s %s" % (type(error).__name__, state_of(error), error)


def version(text):
    """Prints the version of what is tried."""
    print("v\t%s" % text)


def same(name, step):
    """Prints what both servers must answer alike; an error is an answer too."""
    try:
        value = step()
    except Exception as e:
        value = describe(e)
    print("=\t%s\t%s" % (one_line(name), one_line(value)))


def holds(name, step):
    """Prints whether step returns True."""
    try:
        got = step()
    except Exception as e:
        got = describe(e)
    print("+\t%s" % one_line(name) if got is True else "-\t%s\t%s" % (one_line(name), one_line(got)))


# Statements that both servers must answer alike: questions, catalog, errors.
QUESTIONS = [
    "SELECT count(*) FROM people",
    "SELECT sex, count(*) AS n, avg(weight) AS w, sum(income) AS total FROM people GROUP BY sex ORDER BY sex",
    "SELECT region, grade, flag, count(*), sum(cost) FROM sites GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
    "SELECT date_trunc('month', born) AS month, active, count(*) FROM people GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT count(*) FROM people WHERE nothing",
    "SELECT count(*) FROM nowhere",
    "SELEC 1",
    "SELECT 1/0",
    "SELECT 'é', nothing FROM people",
    "SELECT relname, relkind FROM pg_catalog.pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
    "SELECT table_name, column_name, data_type, is_nullable, numeric_precision, numeric_scale FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, ordinal_position",
    "SELECT obj_description('people'::regclass), col_description('people'::regclass, 2)",
]

# What the gateway refuses, with the SQLSTATE that the client must see.
REFUSALS = [
    ("SELECT * FROM people", "ZD001"),
    ("SELECT min(age) FROM people", "ZD003"),
    ("SELECT note, count(*) FROM people GROUP BY note", "42501"),
    ("SELECT sum(age / income) FROM people", "0A000"),
    ("DELETE FROM people", "25006"),
]

# One value of each type that PostgreSQL ships and clients read.
TYPES = """SELECT true AS a, 1::int2 AS b, 2 AS c, 3::int8 AS d, 1.5::float4 AS e, 2.5::float8 AS f, 12345.678::numeric AS g,
 1.50::numeric(6,2) AS h, 'x'::text AS i, 'y'::varchar(5) AS j, 'z'::char(3) AS k, 'n'::name AS l, '\\x0102'::bytea AS m,
 date '2024-02-29' AS n, time '12:34:56.789' AS o, timetz '12:34:56+02' AS p, timestamp '2024-02-29 12:34:56.789' AS q,
 timestamptz '2024-02-29 12:34:56+00' AS r, interval '2 days 3 hours' AS s, '{"a": 1}'::json AS t, '{"a": [1, 2]}'::jsonb AS u,
 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS v, '{1,2,NULL}'::int[] AS w, '{a,"b c"}'::text[] AS x, '{1.5,2}'::numeric[] AS y,
 inet '10.0.0.1/8' AS aa, cidr '10.0.0.0/8' AS ab, int4range(1, 5) AS ae, 16::oid AS aj, NULL::int AS al, '{{1,2},{3,4}}'::int8[] AS am"""
