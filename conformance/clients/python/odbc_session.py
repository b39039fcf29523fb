"""What ODBC programs do, through unixODBC, psqlodbc and pyodbc: the catalog functions, cursors, parameters."""
import datetime
import decimal
import os
import threading
import time

import pyodbc

from report import GATEWAY, QUESTIONS, REFUSALS, holds, same, version

pyodbc.pooling = False
SECURE = "SSLmode=%s;" % os.environ["PGSSLMODE"]
if os.environ["PGSSLROOTCERT"]:
    SECURE += "pqopt={sslrootcert=%s};" % os.environ["PGSSLROOTCERT"]


def connect(more="", **how):
    way = {"Server": os.environ["PGHOST"], "Port": os.environ["PGPORT"], "Database": os.environ["PGDATABASE"], "UID": os.environ["PGUSER"], "PWD": os.environ["PGPASSWORD"], **how}
    return pyodbc.connect("DRIVER={PostgreSQL Unicode};" + "".join("%s=%s;" % p for p in way.items()) + SECURE + more, autocommit=True)


def show(cursor, way=""):
    """Names, types and rows; rows of schemas that only the gateway has are left out. FETCH names no table, since its rows
    come from a function: with UseDeclareFetch the driver does not know which columns are NOT NULL."""
    names = [(d[0], getattr(d[1], "__name__", d[1]), d[3], d[4], d[5], None if "UseDeclareFetch=1" in way else d[6]) for d in cursor.description]
    oid = [i for i, d in enumerate(cursor.description) if d[0] == "table oid"]  # of SQLColumns; differs between databases
    return names, [tuple("oid" if i in oid else v for i, v in enumerate(r)) for r in cursor.fetchall() if not any(isinstance(v, str) and v.startswith("c2d") for v in r)]


conn = connect()
version("psqlodbc %s, pyodbc %s" % (conn.getinfo(pyodbc.SQL_DRIVER_VER), pyodbc.version))
cur = conn.cursor()
same("SQLTables", lambda: show(cur.tables(schema="public")))
same("SQLTables of all schemas", lambda: show(cur.tables(tableType="TABLE")))
same("SQLTables by pattern", lambda: show(cur.tables(table="p%", schema="pub%")))
same("SQLTables: catalogs", lambda: show(cur.tables(catalog="%")))
same("SQLTables: schemas", lambda: show(cur.tables(catalog="", schema="%", table="")))
same("SQLTables: types", lambda: show(cur.tables(catalog="", schema="", table="", tableType="%")))
for table in ("people", "sites", "stays", "visits", "nothing"):
    same("SQLColumns " + table, lambda: show(cur.columns(table=table, schema="public")))
    same("SQLPrimaryKeys " + table, lambda: show(cur.primaryKeys(table)))
    same("SQLForeignKeys " + table, lambda: show(cur.foreignKeys(table)))
    same("SQLStatistics " + table, lambda: show(cur.statistics(table)))
    same("SQLSpecialColumns " + table, lambda: (show(cur.rowIdColumns(table)), show(cur.rowVerColumns(table))))
same("SQLColumns by pattern", lambda: show(cur.columns(table="%", schema="public", column="a%")))
same("SQLProcedures", lambda: show(cur.procedures(schema="public")))
same("SQLProcedures of the catalog", lambda: show(cur.procedures(schema="pg_catalog", procedure="array_a%")))
same("SQLProcedureColumns", lambda: show(cur.procedureColumns(schema="pg_catalog", procedure="array_append")))
same("SQLGetTypeInfo", lambda: show(cur.getTypeInfo()))
same("SQLGetInfo", lambda: [conn.getinfo(i) for i in (pyodbc.SQL_DBMS_NAME, pyodbc.SQL_DBMS_VER, pyodbc.SQL_DATABASE_NAME, pyodbc.SQL_USER_NAME, pyodbc.SQL_IDENTIFIER_QUOTE_CHAR, pyodbc.SQL_TXN_CAPABLE)])


def ask(sql, *args):
    return show(cur.execute(sql, *args))


for question in QUESTIONS:
    same(question, lambda: ask(question))
GROUPED = "SELECT sex, count(*) AS n, avg(weight) AS w FROM people WHERE age >= ? GROUP BY sex ORDER BY sex"
PARTS = "SELECT city, sex, count(*) FROM people GROUP BY city, sex ORDER BY 1, 2"
same("parameters", lambda: [ask(GROUPED, n) for n in (0, 20, 101, 0)])
same("parameters of all kinds", lambda: ask("SELECT count(*) FROM people WHERE sex = ? AND born >= ? AND weight > ? AND income < ?", "f", datetime.date(1990, 1, 10), decimal.Decimal("50.5"), 90000))
same("NULL", lambda: ask("SELECT count(*) FROM people WHERE age >= ?", None))
same("types", lambda: ask("SELECT true AS a, 1::int2 AS b, 2 AS c, 3::int8 AS d, 1.5::float4 AS e, 2.5::float8 AS f, 12.50::numeric(6,2) AS g, 'x'::text AS h, 'y'::varchar(5) AS i, date '2024-02-29' AS j, time '12:34:56' AS k, timestamp '2024-02-29 12:34:56.5' AS l, '\\x01'::bytea AS m, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS n, NULL AS o"))
for way in ("UseDeclareFetch=1;Fetch=2;", "UseServerSidePrepare=1;", "UseServerSidePrepare=0;", "Protocol=7.4-2;", "Protocol=7.4-0;", "BoolsAsChar=0;", "ReadOnly=1;", "UseDeclareFetch=1;Fetch=3;UseServerSidePrepare=1;"):
    def other():
        c = connect(way)
        got = [show(c.cursor().execute(PARTS), way), show(c.cursor().execute(GROUPED, 0), way), show(c.cursor().execute("SELECT typname FROM pg_type WHERE oid < 40 ORDER BY 1"))]
        c.close()
        return got
    same(way, other)


def transaction(way):
    c = connect(way)
    c.autocommit = False
    got = [show(c.cursor().execute("SELECT count(*) FROM people"), way)]
    try:
        c.cursor().execute("SELECT nothing FROM people")
    except pyodbc.Error as e:
        got.append(e.args[0])
    try:
        got.append(show(c.cursor().execute("SELECT count(*) FROM people"), way))
    except pyodbc.Error as e:
        got.append(e.args[0])
    c.rollback()
    got.append(show(c.cursor().execute(PARTS), way))
    c.commit()
    return got


same("transaction", lambda: transaction(""))
same("transaction with cursors", lambda: transaction("UseDeclareFetch=1;Fetch=2;"))
same("transaction, errors undo the statement", lambda: transaction("Protocol=7.4-2;"))


def piecewise():
    c = connect("UseDeclareFetch=1;Fetch=2;").cursor().execute(PARTS)
    return c.fetchone()[:], [tuple(r) for r in c.fetchmany(3)], c.skip(1), [tuple(r) for r in c.fetchall()]


same("fetch in pieces", piecewise)


def cancelled():
    c = connect().cursor()
    threading.Timer(0.2, c.cancel).start()
    began = time.time()
    try:
        c.execute("SELECT count(*) FROM people JOIN visits USING (id)" if GATEWAY else "SELECT pg_sleep(20)")
    except pyodbc.Error as e:
        return (e.args[0] in ("57014", "HY008") and time.time() - began < 1.7) or e
    return "not cancelled"


holds("SQLCancel", cancelled)
if GATEWAY:
    def refused(c, sql, state):
        try:
            c.execute(sql)
        except pyodbc.Error as e:
            return e.args[0] == state or e
        return "not refused"

    prepared = connect("UseServerSidePrepare=1;").cursor()
    fetching = connect("UseDeclareFetch=1;").cursor()
    for sql, state in REFUSALS:
        holds("refused " + sql, lambda: refused(cur, sql, state))
        holds("refused when prepared " + sql, lambda: refused(prepared, sql, state))
        holds("refused in a cursor " + sql, lambda: refused(fetching, sql, state))
    for view in ("budget", "last", "history", "studies", "tables", "columns"):
        holds("c2d." + view, lambda: len(cur.execute("SELECT * FROM c2d." + view).description) > 1)
    holds("views of c2d", lambda: len(cur.tables(schema="c2d").fetchall()) >= 6)
    holds("explain", lambda: "people" in str(cur.execute("EXPLAIN SELECT count(*) FROM people WHERE age > 3").fetchall()))

    def declined(state, **how):
        try:
            connect(**how)
        except pyodbc.Error as e:
            return e.args[0] in state or e
        return "let in"

    holds("wrong password", lambda: declined(("28000", "28P01", "08001"), PWD="no"))
    holds("unknown study", lambda: declined(("08001", "3D000"), Database="nothing"))
