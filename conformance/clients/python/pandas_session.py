"""What pandas users do, through SQLAlchemy and through psycopg2."""
import os
import warnings

import pandas
import psycopg2
import sqlalchemy

from report import GATEWAY, REFUSALS, holds, same, state_of, version

warnings.simplefilter("ignore")
version(pandas.__version__)
URL = sqlalchemy.engine.URL.create("postgresql+psycopg2", os.environ["PGUSER"], os.environ["PGPASSWORD"], os.environ["PGHOST"],
                                   int(os.environ["PGPORT"]), os.environ["PGDATABASE"],
                                   {"sslmode": os.environ["PGSSLMODE"], "sslrootcert": os.environ["PGSSLROOTCERT"]})
engine = sqlalchemy.create_engine(URL)
GROUPED = "SELECT city, sex, count(*) AS n, avg(weight) AS weight FROM people GROUP BY city, sex ORDER BY 1, 2"


def show(frame):
    return [(c, str(t)) for c, t in frame.dtypes.items()], frame.values.tolist()


def state(error):
    """The SQLSTATE of the first error in the chain that has one."""
    while error is not None:
        found = state_of(error) or state_of(getattr(error, "orig", None))
        if found:
            return found
        error = error.__cause__ or error.__context__


driver = psycopg2.connect("")
driver.autocommit = True  # pandas leaves a transaction that failed as it is
for name, conn in (("sqlalchemy", engine), ("psycopg2", driver)):
    same(name + " read_sql", lambda: show(pandas.read_sql(GROUPED, conn)))
    same(name + " index", lambda: show(pandas.read_sql_query(GROUPED, conn, index_col=["city", "sex"])))
    same(name + " chunks", lambda: [show(f) for f in pandas.read_sql(GROUPED, conn, chunksize=4)])
    same(name + " dates", lambda: show(pandas.read_sql("SELECT born, count(*) AS n FROM people WHERE born < %(day)s GROUP BY born ORDER BY born", conn,
                                                      params={"day": "1990-02-01"}, parse_dates=["born"])))
    same(name + " coerce", lambda: show(pandas.read_sql("SELECT region, sum(cost) AS cost FROM sites GROUP BY region ORDER BY 1", conn, coerce_float=True)))
    same(name + " catalog", lambda: show(pandas.read_sql("SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2", conn)))
    if GATEWAY:
        def refused(sql, want):
            try:
                pandas.read_sql(sql, conn)
            except Exception as e:
                return state(e) == want or repr(e)
            return "not refused"

        for sql, want in REFUSALS[:4]:
            holds(name + " refused " + sql, lambda: refused(sql, want))
        holds(name + " budget", lambda: "epsilon_left" in pandas.read_sql("SELECT * FROM c2d.budget", conn).columns)
with engine.connect().execution_options(stream_results=True) as conn:
    same("streamed chunks", lambda: [show(f) for f in pandas.read_sql(GROUPED, conn, chunksize=4)])
if GATEWAY:
    def table():
        try:
            pandas.read_sql_table("people", engine)
        except Exception as e:
            return state(e) == "ZD001" or repr(e)
        return "not refused"

    holds("read_sql_table is refused", table)
    holds("read_sql_table of a view", lambda: len(pandas.read_sql_table("columns", engine, schema="c2d")) > 20)
