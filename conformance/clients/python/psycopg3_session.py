"""What programs on psycopg 3 do; the server comes from libpq's environment variables."""
import threading
import time

import psycopg
from psycopg.rows import dict_row, namedtuple_row

from report import GATEWAY, QUESTIONS, REFUSALS, TYPES, holds, same, version

version(psycopg.__version__)
conn = psycopg.connect(autocommit=True)
GROUPED = "SELECT sex, count(*) AS n, avg(weight) AS w FROM people WHERE age >= %s GROUP BY sex ORDER BY sex"


def ask(sql, args=None, binary=False, **more):
    cur = conn.cursor(binary=binary)
    cur.execute(sql, args, **more)
    return [(c.name, c.type_code, c.precision, c.scale, c.internal_size) for c in cur.description], cur.fetchall()


for question in QUESTIONS:
    same(question, lambda: ask(question))
    same("binary " + question, lambda: ask(question, binary=True))
same("types", lambda: ask(TYPES))
same("types binary", lambda: ask(TYPES, binary=True))
same("prepared after five times", lambda: [ask(GROUPED, (n,)) for n in (0, 20, 40, 60, 80, 101, 0)])
same("prepared at once", lambda: ask(GROUPED, (0,), prepare=True))
same("parameters", lambda: ask("SELECT count(*) FROM people WHERE sex = %s AND born >= %s AND weight > %s AND active = %s AND income < %s",
                               ("f", __import__("datetime").date(1990, 1, 10), __import__("decimal").Decimal("50.5"), True, 90000)))
same("a list", lambda: ask("SELECT relname FROM pg_class WHERE relname = ANY(%s) ORDER BY 1", (["people", "visits"],)))
same("a list over the federation", lambda: ask("SELECT count(*) FROM people WHERE age = ANY(%s)", ([20, 30, 40, 50],)))
same("NULL", lambda: ask("SELECT count(*) FROM people WHERE age >= %s", (None,)))
same("parameter type", lambda: ask("SELECT %s::int + 1, %s || 'x'", (1, "a")))
same("undetermined parameter", lambda: ask("SELECT %s IS NULL", (None,)))
same("rowcount and status", lambda: (lambda c: (c.rowcount, c.statusmessage))(conn.execute("SELECT sex, count(*) FROM people GROUP BY sex")))


def named(**how):
    with conn.transaction(), conn.cursor("named", **how) as cur:
        cur.itersize = 2
        cur.execute("SELECT city, sex, count(*) FROM people GROUP BY city, sex ORDER BY 1, 2")
        got = [cur.fetchone(), cur.fetchmany(2)]
        if how.get("scrollable"):
            cur.scroll(-2)
            got.append(cur.fetchone())
            cur.scroll(0, "absolute")
        return got + list(cur)


same("named cursor", lambda: named())
same("named cursor, scrollable", lambda: named(scrollable=True))
same("named cursor, not scrollable", lambda: named(scrollable=False))


def held():
    with conn.cursor("held", withhold=True) as cur:
        with conn.transaction():
            cur.execute("SELECT city, count(*) FROM people GROUP BY city ORDER BY 1")
        return cur.fetchall()


same("cursor with hold", held)


def pipeline():
    with conn.pipeline():
        a = conn.execute("SELECT count(*) FROM people")
        b = conn.execute("SELECT %s::int", (7,))
        c = conn.execute(GROUPED, (0,))
        d = conn.execute("SELECT count(*) FROM pg_catalog.pg_type WHERE oid < 50")
    return [x.fetchall() for x in (a, b, c, d)]


def broken_pipeline():
    got = []
    try:
        with conn.pipeline() as p:
            conn.execute("SELECT count(*) FROM people")
            conn.execute("SELECT nothing FROM people")
            last = conn.execute("SELECT 1")
            p.sync()
    except psycopg.Error as e:
        got.append((type(e).__name__, e.sqlstate))
    return got, conn.execute("SELECT 2").fetchall(), conn.info.transaction_status


same("pipeline", pipeline)
same("pipeline with an error", broken_pipeline)


def pipeline_in_transaction():
    with conn.transaction():
        return pipeline()


same("pipeline in a transaction", pipeline_in_transaction)


def copy(options):
    with conn.cursor().copy("COPY (SELECT sex, count(*) FROM people GROUP BY sex ORDER BY sex) TO STDOUT" + options) as out:
        return b"".join(bytes(x) for x in out)


for options in ("", " (FORMAT csv, HEADER)", " (FORMAT binary)"):
    same("copy" + options, lambda: copy(options))
same("copy rows", lambda: list(conn.cursor().copy("COPY (SELECT sex, count(*) FROM people GROUP BY 1 ORDER BY 1) TO STDOUT").__enter__().rows()))
same("dict rows", lambda: conn.cursor(row_factory=dict_row).execute("SELECT city, count(*) AS n FROM people GROUP BY city ORDER BY 1").fetchall())
same("named rows", lambda: conn.cursor(row_factory=namedtuple_row).execute("SELECT count(*) AS n FROM people").fetchone().n)
same("stream", lambda: list(conn.cursor().stream("SELECT city, count(*) FROM people GROUP BY city ORDER BY 1")))
same("several statements", lambda: (lambda c: (c.fetchall(), c.nextset(), c.fetchall()))(conn.cursor().execute("SELECT 1; SELECT count(*) FROM people")))


def transactions():
    got = []
    with conn.transaction():
        try:
            with conn.transaction():
                conn.execute("SELECT nothing FROM people")
        except psycopg.errors.UndefinedColumn:
            got.append("undefined column")
        got.append(conn.execute("SELECT count(*) FROM people").fetchone())
        got.append(conn.info.transaction_status)
    return got, conn.info.transaction_status


same("nested transactions", transactions)
for level in psycopg.IsolationLevel:
    def isolated():
        with psycopg.connect() as other:
            other.isolation_level, other.read_only, other.deferrable = level, True, True
            return other.execute("SHOW transaction_isolation").fetchone(), other.execute("SELECT count(*) FROM people").fetchone()
    same("isolation " + level.name, isolated)
same("info", lambda: (conn.info.dbname, conn.info.user, conn.info.server_version, conn.info.encoding, conn.info.timezone,
                      [conn.info.parameter_status(p) for p in ("is_superuser", "integer_datetimes", "DateStyle", "standard_conforming_strings", "default_transaction_read_only")]))
same("adapters of the database", lambda: psycopg.types.TypeInfo.fetch(conn, "people").name)
same("latin1", lambda: psycopg.connect(client_encoding="latin1").execute("SELECT city, count(*) FROM people GROUP BY city ORDER BY city").fetchall())


def timezone():
    with psycopg.connect(options="-c TimeZone=Europe/Paris -c DateStyle=German") as other:
        return other.execute("SHOW TimeZone").fetchone(), other.execute("SELECT timestamptz '2024-02-29 12:00+00'::text").fetchone()


same("options", timezone)


def cancelled():
    conn2 = psycopg.connect(autocommit=True)
    threading.Timer(0.15, conn2.cancel).start()
    began = time.time()
    try:
        conn2.execute("SELECT count(*) FROM people JOIN visits USING (id)" if GATEWAY else "SELECT pg_sleep(20)")
    except psycopg.errors.QueryCanceled:
        took = time.time() - began
        return (took < 1.5 and conn2.execute("SELECT count(*) FROM people").fetchone() == (150,)) or "%.1f s" % took
    return "not cancelled"


holds("cancel", cancelled)
if GATEWAY:
    def refused(sql, state, **how):
        try:
            conn.execute(sql, **how)
        except psycopg.Error as e:
            return e.sqlstate == state and e.diag.sqlstate == state and bool(e.diag.message_primary) or "%s %s" % (e.sqlstate, e)
        return "not refused"

    for sql, state in REFUSALS:
        holds("refused " + sql, lambda: refused(sql, state))
        holds("refused when prepared " + sql, lambda: refused(sql, state, prepare=True))
    holds("the class of a refusal", lambda: psycopg.errors.lookup("42501") is psycopg.errors.InsufficientPrivilege)
    holds("explain", lambda: any("people" in r[0] for r in conn.execute("EXPLAIN SELECT count(*) FROM people WHERE age > 3")))
    for view in ("budget", "last", "history", "studies", "tables", "columns"):
        holds("c2d." + view, lambda: conn.execute("SELECT * FROM c2d.%s" % view).description is not None)
    holds("c2d.epsilon", lambda: conn.execute("SELECT set_config('c2d.epsilon', '0.5', false)").fetchone() == ("0.5",) and conn.execute("RESET c2d.epsilon").statusmessage == "RESET")

    def declined(**how):
        try:
            psycopg.connect(**how)
        except psycopg.OperationalError as e:
            return e
        return "let in"

    holds("wrong password", lambda: "password authentication failed" in str(declined(password="no")))
    holds("unknown study", lambda: "does not exist" in str(declined(dbname="nothing")))
    holds("unknown setting", lambda: "unrecognized configuration parameter" in str(declined(options="-c nothing=1")))
