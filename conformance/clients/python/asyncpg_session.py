"""What programs on asyncpg do: everything binary, statements by name, Flush before Sync."""
import asyncio
import datetime
import decimal
import io
import os
import ssl
import time

import asyncpg

from report import GATEWAY, QUESTIONS, REFUSALS, TYPES, describe, holds, same, version

version(asyncpg.__version__)
WAY = {}
if os.environ["PGSSLROOTCERT"]:
    WAY["ssl"] = ssl.create_default_context(cafile=os.environ["PGSSLROOTCERT"])
    WAY["ssl"].check_hostname = False
os.environ.pop("PGSSLROOTCERT"), os.environ.pop("PGSSLMODE")
GROUPED = "SELECT sex, count(*) AS n, avg(weight) AS w FROM people WHERE age >= $1 GROUP BY sex ORDER BY sex"
loop = asyncio.new_event_loop()


def wait(coroutine):
    return loop.run_until_complete(asyncio.wait_for(coroutine, 60))


conn = wait(asyncpg.connect(**WAY, server_settings={"application_name": "asyncpg"}))


def rows(sql, *args):
    return [tuple(r.items()) for r in wait(conn.fetch(sql, *args))]


for question in QUESTIONS:
    same(question, lambda: rows(question))
same("types", lambda: rows(TYPES))
same("statement by name, again and again", lambda: [rows(GROUPED, n) for n in (0, 20, 101, 0)])
same("parameters", lambda: rows("SELECT count(*) FROM people WHERE sex = $1 AND born >= $2 AND weight > $3 AND active = $4 AND income < $5",
                                "f", datetime.date(1990, 1, 10), decimal.Decimal("50.5"), True, 90000))
same("NULL", lambda: rows("SELECT count(*) FROM people WHERE age >= $1", None))
same("a wrong parameter", lambda: rows(GROUPED, "x"))
same("arrays", lambda: rows("SELECT relname FROM pg_class WHERE relname = ANY($1::name[]) ORDER BY 1", ["people", "visits"]))
same("fetchval, fetchrow, status", lambda: (wait(conn.fetchval("SELECT count(*) FROM people")), wait(conn.fetchrow("SELECT 1 AS a, 2 AS b"))["b"], wait(conn.execute("SELECT city, count(*) FROM people GROUP BY city"))))
same("several statements", lambda: wait(conn.execute("SET application_name = 'x'; SELECT count(*) FROM people; RESET application_name")))


async def described():
    statement = await conn.prepare(GROUPED)
    return [(a.name, a.type.name, a.type.kind) for a in statement.get_attributes()], [p.name for p in statement.get_parameters()], \
        [tuple(r) for r in await statement.fetch(5)], statement.get_statusmsg()


async def cursors():
    got = []
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        async for r in conn.cursor("SELECT city, sex, count(*) FROM people GROUP BY 1, 2 ORDER BY 1, 2", prefetch=2):
            got.append(tuple(r))
        cursor = await conn.cursor("SELECT city, sex, count(*) FROM people GROUP BY 1, 2 ORDER BY 1, 2")
        got.append(tuple(await cursor.fetchrow()))
        got.append(await cursor.forward(2))
        got += [tuple(r) for r in await cursor.fetch(10)]
    return got


async def nested():
    async with conn.transaction():
        try:
            async with conn.transaction():
                await conn.fetch("SELECT nothing FROM people")
        except asyncpg.UndefinedColumnError as e:
            return e.sqlstate, await conn.fetchval("SELECT count(*) FROM people")


async def copied(**how):
    out = io.BytesIO()
    status = await conn.copy_from_query("SELECT sex, count(*) FROM people WHERE age >= $1 GROUP BY sex ORDER BY sex", 0, output=out, **how)
    return status, out.getvalue()


async def pooled():
    async with asyncpg.create_pool(min_size=1, max_size=2, **WAY) as pool:
        return [await pool.fetchval("SELECT count(*) FROM people"), await pool.fetchval("SHOW application_name")]


async def composite():
    await conn.reload_schema_state()
    return tuple(await conn.fetchrow("SELECT ROW(1, 'a')::record AS r, '{x,y}'::name[] AS n, 'people'::regclass::text AS c, 1::information_schema.cardinal_number AS d"))


same("described", lambda: wait(described()))
same("cursors", lambda: wait(cursors()))
same("nested transactions", lambda: wait(nested()))
same("copy", lambda: wait(copied()))
same("copy csv", lambda: wait(copied(format="csv", header=True)))
same("copy binary", lambda: wait(copied(format="binary")))
same("pool with its reset", lambda: wait(pooled()))
same("types by introspection", lambda: wait(composite()))
same("settings", lambda: (conn.get_settings().TimeZone, conn.get_settings().client_encoding, conn.get_server_version()[0], conn.get_settings().is_superuser))


async def out_of_time():
    began = time.time()
    try:
        await conn.fetch("SELECT count(*) FROM people JOIN visits USING (id)" if GATEWAY else "SELECT pg_sleep(20)", timeout=0.2)
    except asyncio.TimeoutError:
        return (time.time() - began < 1.5 and await conn.fetchval("SELECT count(*) FROM people") == 150) or time.time() - began
    return "not cancelled"


holds("cancel by timeout", lambda: wait(out_of_time()))
if GATEWAY:
    def refused(sql, state):
        try:
            wait(conn.fetch(sql))
        except asyncpg.PostgresError as e:
            return e.sqlstate == state or describe(e)
        return "not refused"

    for sql, state in REFUSALS:
        holds("refused " + sql, lambda: refused(sql, state))
    for view in ("budget", "last", "history", "studies", "tables", "columns"):
        holds("c2d." + view, lambda: rows("SELECT * FROM c2d.%s" % view) is not None)
    holds("explain", lambda: "people" in str(rows("EXPLAIN SELECT count(*) FROM people WHERE age > $1", 5)))

    def declined(kind, **how):
        try:
            wait(asyncpg.connect(**{**WAY, **how}))
        except kind:
            return True
        return "let in"

    holds("wrong password", lambda: declined(asyncpg.InvalidPasswordError, password="no"))
    holds("unknown study", lambda: declined(asyncpg.InvalidCatalogNameError, database="nothing"))
    holds("another root", lambda: declined(ssl.SSLError, ssl=ssl.create_default_context()))
wait(conn.close())
