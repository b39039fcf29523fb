"""What people do in pgcli: its completion reads the whole catalog, its commands are its own queries."""
import os
import subprocess
import sys

import pexpect
import pgcli
from pgcli.pgexecute import PGExecute

from report import GATEWAY, holds, same, version

version(pgcli.__version__)
os.environ.update(PGCLIRC="/dev/null", TERM="dumb")
executor = PGExecute(os.environ["PGDATABASE"], os.environ["PGUSER"], os.environ["PGPASSWORD"], os.environ["PGHOST"], os.environ["PGPORT"], None,
                     sslmode=os.environ["PGSSLMODE"], sslrootcert=os.environ["PGSSLROOTCERT"])


def ours(rows):
    """Rows of schemas that only the gateway has are left out."""
    return sorted(str(r) for r in rows if "c2d" not in str(r))


for what in ("schemata", "tables", "views", "table_columns", "view_columns", "databases", "foreignkeys", "functions", "datatypes", "search_path", "full_databases"):
    same("completion: " + what, lambda: ours(getattr(executor, what)()))


def run(text):
    from pgspecial.main import PGSpecial
    return [(title, [tuple(r) for r in rows] if rows is not None else None, headers, status) for title, rows, headers, status, *_ in executor.run(text, PGSpecial())]


def show(text):
    out = []
    for title, rows, headers, status in run(text):
        out.append((title, [r for r in rows or () if not any(isinstance(v, str) and "c2d" in v for v in r)], headers, status if "oid" not in str(status) else ""))
    return out


for text in ("SELECT count(*) FROM people", "SELECT city, sex, count(*) FROM people GROUP BY 1, 2 ORDER BY 1, 2", "\\d people", "\\d sites", "\\dt", "\\dn public", "\\df array_append", "\\dT int4", "\\du rosa", "\\l trial", "\\di", "\\dv public.*",
             "\\ds", "\\dx plpgsql", "\\dD", "\\dE", "\\db", "\\dF english", "\\sf pg_catalog.lower(text)", "\\d+ stays"):
    same(text, lambda: show(text))
if GATEWAY:
    def failure(text):
        try:
            return run(text)
        except Exception as e:
            return str(e)

    holds("refused", lambda: "not released" in failure("SELECT * FROM people") or failure("SELECT * FROM people"))

    def terminal():
        session = pexpect.spawn(sys.executable, ["-m", "pgcli.main", "postgresql://%(PGUSER)s@%(PGHOST)s:%(PGPORT)s/%(PGDATABASE)s" % os.environ], encoding="utf-8", timeout=30, dimensions=(40, 160))
        session.expect("trial> ")
        session.send("SELECT count(*) FROM people;\r")
        session.expect("150")
        session.sendeof()
        session.close(force=True)
        return True

    holds("in a terminal", terminal)
