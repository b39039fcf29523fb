"""Reads every type that PostgreSQL ships, in text and in binary, by psycopg 3 or asyncpg; golang/types compares the bytes."""
import asyncio
import os
import ssl
import sys

from report import same, version

samples = {}
with open("types.txt", encoding="utf-8") as lines:
    for text in lines:
        if text.strip() and not text.startswith("#"):
            name, _, expression = text.rstrip("\n").partition("\t")
            samples[name] = expression
if len(samples) < 60:
    sys.exit("types.txt is not whole")


def statements():
    for name, expression in samples.items():
        yield name, "SELECT %s AS v" % expression
        if not name.startswith("pseudo:"):
            yield name + "[]", "SELECT ARRAY[%s, NULL] AS v" % expression


def with_psycopg():
    import psycopg
    version(psycopg.__version__)
    conn = psycopg.connect(autocommit=True)
    for name, sql in statements():
        for binary in (False, True):
            def read():
                cur = conn.execute(sql, binary=binary)
                return cur.description[0].type_code, cur.pgresult.get_value(0, 0), cur.fetchall()
            same("%s binary=%s" % (name, binary), read)


def with_asyncpg():
    import asyncpg
    version(asyncpg.__version__)
    way = {}
    if os.environ["PGSSLROOTCERT"]:
        way["ssl"] = ssl.create_default_context(cafile=os.environ["PGSSLROOTCERT"])
        way["ssl"].check_hostname = False
    os.environ.pop("PGSSLROOTCERT"), os.environ.pop("PGSSLMODE")
    loop = asyncio.new_event_loop()
    conn = loop.run_until_complete(asyncpg.connect(**way))

    def plain(value):  # asyncpg's paths print their address
        return [plain(v) for v in value] if isinstance(value, list) else (type(value).__name__, value.points) if hasattr(value, "points") else value

    for name, sql in statements():
        def read():
            statement = loop.run_until_complete(conn.prepare(sql))
            return statement.get_attributes()[0].type.name, [[plain(v) for v in r] for r in loop.run_until_complete(statement.fetch())]
        same(name, read)
    loop.run_until_complete(conn.close())


{"psycopg": with_psycopg, "asyncpg": with_asyncpg}[sys.argv[1]]()
