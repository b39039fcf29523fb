"""What programs on psycopg2 do: statements put together by the client, named cursors, COPY, notices, asynchronous connections."""
import datetime
import decimal
import io
import select
import threading
import time

import psycopg2
import psycopg2.extensions
import psycopg2.extras
import psycopg2.sql

from report import GATEWAY, QUESTIONS, REFUSALS, TYPES, describe, holds, same, version

version(psycopg2.__version__.split()[0])
conn = psycopg2.connect("")
conn.autocommit = True
GROUPED = "SELECT sex, count(*) AS n, avg(weight) AS w FROM people WHERE age >= %s GROUP BY sex ORDER BY sex"
PARTS = "SELECT city, sex, count(*) FROM people GROUP BY city, sex ORDER BY 1, 2"


def plain(rows):
    return [tuple(bytes(v) if isinstance(v, memoryview) else v for v in r) for r in rows]


def ask(sql, args=None, **how):
    with conn.cursor(**how) as cur:
        cur.execute(sql, args)
        return [tuple(d) for d in cur.description], plain(cur.fetchall()), cur.rowcount, cur.statusmessage


for question in QUESTIONS:
    same(question, lambda: ask(question))
same("types", lambda: ask(TYPES))
same("parameters", lambda: [ask(GROUPED, (n,)) for n in (0, 20, 101, 0)])
same("parameters of all kinds", lambda: ask("SELECT count(*) FROM people WHERE sex = %s AND born >= %s AND weight > %s AND active = %s AND income < %s",
                                            ("f", datetime.date(1990, 1, 10), decimal.Decimal("50.5"), True, 90000)))
same("named parameters", lambda: ask("SELECT count(*) FROM people WHERE sex = %(sex)s AND age > %(age)s", {"sex": "f", "age": 30}))
same("a tuple", lambda: ask("SELECT count(*) FROM people WHERE city IN %s", (("Delft", "Leiden"),)))
same("a list", lambda: ask("SELECT relname FROM pg_class WHERE relname = ANY(%s) ORDER BY 1", (["people", "visits"],)))
same("NULL", lambda: ask("SELECT count(*) FROM people WHERE age >= %s", (None,)))
same("put together", lambda: ask(psycopg2.sql.SQL("SELECT {c}, count(*) FROM {t} GROUP BY {c} ORDER BY 1").format(c=psycopg2.sql.Identifier("city"), t=psycopg2.sql.Identifier("public", "people"))))
same("several statements", lambda: ask("SELECT 1; SELECT count(*) FROM people"))
same("executemany", lambda: conn.cursor().executemany("SELECT %s::int", [(1,), (2,)]))
same("execute_batch", lambda: psycopg2.extras.execute_batch(conn.cursor(), "SELECT %s::int", [(1,), (2,)]))
for factory in (psycopg2.extras.DictCursor, psycopg2.extras.RealDictCursor, psycopg2.extras.NamedTupleCursor):
    same(factory.__name__, lambda: [repr(r) for r in (lambda c: (c.execute("SELECT city, count(*) AS n FROM people GROUP BY city ORDER BY 1"), c.fetchall())[1])(conn.cursor(cursor_factory=factory))])


def named(**how):
    with psycopg2.connect("") as other, other.cursor("named", **how) as cur:
        cur.itersize = 2
        cur.execute(PARTS)
        got = [cur.fetchone(), cur.fetchmany(2)]
        if how.get("scrollable"):
            cur.scroll(-2)
            got.append(cur.fetchone())
            cur.scroll(0, "absolute")
        return got + list(cur) + [d[:2] for d in cur.description]


def held():
    cur = conn.cursor("held", withhold=True)
    cur.execute(PARTS)
    got = cur.fetchmany(3), cur.fetchall()
    cur.close()
    return got


same("named cursor", named)
same("named cursor, scrollable", lambda: named(scrollable=True))
same("named cursor, not scrollable", lambda: named(scrollable=False))
same("cursor with hold", held)


def copied(sql):
    out = io.BytesIO()
    with conn.cursor() as cur:
        cur.copy_expert(sql, out)
    return out.getvalue()


for options in ("", " (FORMAT csv, HEADER)", " (FORMAT binary)"):
    same("copy" + options, lambda: copied("COPY (%s) TO STDOUT%s" % (PARTS, options)))


def transaction():
    got = []
    with psycopg2.connect("") as other:
        cur = other.cursor()
        cur.execute("SAVEPOINT a")
        for sql in ("SELECT nothing FROM people", "SELECT 1"):
            try:
                cur.execute(sql)
            except psycopg2.Error as e:
                got.append(describe(e))
        got.append(other.get_transaction_status())
        cur.execute("ROLLBACK TO a")
        cur.execute("SELECT count(*) FROM people")
        got += [cur.fetchall(), other.get_transaction_status()]
        other.rollback()
    return got


same("transaction", transaction)
for level in (1, 2, 3, 4):
    def isolated():
        with psycopg2.connect("") as other:
            other.set_session(isolation_level=level, readonly=True, deferrable=True)
            with other.cursor() as cur:
                cur.execute("SELECT count(*) FROM people")
                got = cur.fetchall()
                cur.execute("SHOW transaction_isolation")
                return got, cur.fetchall()
    same("isolation %d" % level, isolated)


def asynchronous():
    other = psycopg2.connect("", async_=1)

    def wait():
        while True:
            state = other.poll()
            if state == psycopg2.extensions.POLL_OK:
                return
            select.select([other] if state == psycopg2.extensions.POLL_READ else [], [other] if state == psycopg2.extensions.POLL_WRITE else [], [], 20)
    wait()
    cur = other.cursor()
    cur.execute(PARTS)
    wait()
    return cur.fetchall()


same("asynchronous", asynchronous)
same("notices", lambda: (conn.cursor().execute("BEGIN; BEGIN; ROLLBACK; ROLLBACK"), conn.notices)[1])
same("info", lambda: (conn.server_version, conn.encoding, conn.protocol_version, [conn.get_parameter_status(p) for p in ("is_superuser", "DateStyle", "standard_conforming_strings")]))
same("two-phase commit", lambda: (conn.xid(1, "a", "b"), conn.cursor().execute("PREPARE TRANSACTION 'x'")))


def failure(sql):
    try:
        conn.cursor().execute(sql)
    except psycopg2.Error as e:
        return e


same("an error's fields", lambda: (lambda d: (d.severity, d.sqlstate, d.statement_position, d.message_primary))(failure("SELECT 'é', nothing FROM people").diag))


def cancelled():
    threading.Timer(0.15, conn.cancel).start()
    began = time.time()
    try:
        conn.cursor().execute("SELECT count(*) FROM people JOIN visits USING (id)" if GATEWAY else "SELECT pg_sleep(20)")
    except psycopg2.extensions.QueryCanceledError:
        return (time.time() - began < 1.5 and ask("SELECT count(*) FROM people")[1] == [(150,)]) or time.time() - began
    return "not cancelled"


holds("cancel", cancelled)
if GATEWAY:
    for sql, state in REFUSALS:
        holds("refused " + sql, lambda: failure(sql).pgcode == state or describe(failure(sql)))
    for view in ("budget", "last", "history", "studies", "tables", "columns"):
        holds("c2d." + view, lambda: len(ask("SELECT * FROM c2d." + view)[0]) > 1)

    def declined(**how):
        try:
            psycopg2.connect("", **how)
        except psycopg2.OperationalError as e:
            return str(e)
        return "let in"

    holds("wrong password", lambda: "password authentication failed" in declined(password="no"))
    holds("unknown study", lambda: "does not exist" in declined(dbname="nothing"))
