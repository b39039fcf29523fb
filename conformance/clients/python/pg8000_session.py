"""What programs on pg8000 do: a client in Python alone, which prepares every statement and reads text."""
import datetime
import decimal
import io
import os
import ssl

import pg8000.dbapi
import pg8000.native

from report import GATEWAY, QUESTIONS, REFUSALS, TYPES, holds, same, version

version(pg8000.__version__)
WAY = {"host": os.environ["PGHOST"], "port": int(os.environ["PGPORT"]), "user": os.environ["PGUSER"], "password": os.environ["PGPASSWORD"], "database": os.environ["PGDATABASE"]}
if os.environ["PGSSLROOTCERT"]:
    WAY["ssl_context"] = ssl.create_default_context(cafile=os.environ["PGSSLROOTCERT"])
    WAY["ssl_context"].check_hostname = False
GROUPED = "SELECT sex, count(*) AS n, avg(weight) AS w FROM people WHERE age >= :least GROUP BY sex ORDER BY sex"
PARTS = "SELECT city, sex, count(*) FROM people GROUP BY city, sex ORDER BY 1, 2"
native = pg8000.native.Connection(**WAY)
conn = pg8000.dbapi.connect(**WAY)
conn.autocommit = True


def run(sql, **args):
    rows = native.run(sql, **args)
    return rows, native.row_count, [(c["name"], c["type_oid"], c["type_size"], c["type_modifier"], c["format"], c["column_attrnum"]) for c in native.columns or ()]


def ask(sql, args=()):
    cur = conn.cursor()
    cur.execute(sql, args)
    return [d[:2] for d in cur.description], cur.fetchall(), cur.rowcount


def error_fields(sql):
    """The fields of an error but where in the server's sources it arose."""
    try:
        native.run(sql)
    except pg8000.native.DatabaseError as e:
        return {k: v for k, v in e.args[0].items() if k not in "FLR"}
    return "no error"


for question in QUESTIONS:
    if question.startswith("SELECT 'é'") or "nowhere" in question or "nothing" in question or question in ("SELEC 1", "SELECT 1/0"):
        same("native " + question, lambda: error_fields(question))
    else:
        same("native " + question, lambda: run(question))
        same("dbapi " + question, lambda: ask(question))
same("types", lambda: ask(TYPES))
same("parameters", lambda: [run(GROUPED, least=n) for n in (0, 20, 101, 0)])
same("parameters of all kinds", lambda: ask("SELECT count(*) FROM people WHERE sex = %s AND born >= %s AND weight > %s AND active = %s AND income < %s",
                                            ("f", datetime.date(1990, 1, 10), decimal.Decimal("50.5"), True, 90000)))
same("NULL", lambda: run("SELECT count(*) FROM people WHERE age >= :n", n=None))
same("an array", lambda: run("SELECT relname FROM pg_class WHERE relname = ANY(CAST(:names AS name[])) ORDER BY 1", names=["people", "visits"]))


def prepared():
    statement = native.prepare(GROUPED)
    got = [statement.run(least=n) for n in (0, 50, 0)]
    statement.close()
    return got


def transaction():
    got = [native.run("START TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"), native.run("SAVEPOINT a")]
    got.append(error_fields("SELECT nothing FROM people"))
    got.append(error_fields("SELECT 1"))
    native.run("ROLLBACK TO a")
    native.run("DECLARE c SCROLL CURSOR FOR " + PARTS)
    got += [native.run(f) for f in ("FETCH 2 FROM c", "FETCH PRIOR FROM c", "FETCH LAST FROM c")]
    native.run("COMMIT")
    return got


def copied(options):
    out = io.BytesIO()
    native.run("COPY (%s) TO STDOUT%s" % (PARTS, options), stream=out)
    return out.getvalue()


same("prepared", prepared)
same("transaction", transaction)
for options in ("", " WITH (FORMAT csv, HEADER)", " WITH (FORMAT binary)"):
    same("copy" + options, lambda: copied(options))
same("several statements", lambda: native.run("SELECT 1; SELECT count(*) FROM people"))
same("notices", lambda: (native.run("BEGIN; BEGIN; ROLLBACK"), len(native.notices))[1])
if GATEWAY:
    for sql, state in REFUSALS:
        holds("refused " + sql, lambda: error_fields(sql)["C"] == state or error_fields(sql))
    for view in ("budget", "last", "history", "studies", "tables", "columns"):
        holds("c2d." + view, lambda: len(ask("SELECT * FROM c2d." + view)[0]) > 1)

    def declined(**how):
        try:
            pg8000.native.Connection(**{**WAY, **how})
        except pg8000.native.DatabaseError as e:
            return e.args[0]["C"]
        return "let in"

    holds("wrong password", lambda: declined(password="no") == "28P01")
    holds("unknown study", lambda: declined(database="nothing") == "3D000")
native.close()
conn.close()
