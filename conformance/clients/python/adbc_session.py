"""What programs on ADBC do (pandas, polars and dbt among them): every answer travels as COPY in binary, into Arrow."""
import warnings

import adbc_driver_postgresql
import adbc_driver_postgresql.dbapi
import pandas

from report import GATEWAY, QUESTIONS, REFUSALS, holds, same, version

warnings.simplefilter("ignore")
version(adbc_driver_postgresql.__version__)
conn = adbc_driver_postgresql.dbapi.connect("postgresql://", autocommit=True)
GROUPED = "SELECT sex, count(*) AS n, avg(weight) AS w FROM people WHERE age >= $1 GROUP BY sex ORDER BY sex"


def ask(sql, args=None):
    with conn.cursor() as cur:
        cur.execute(sql, args)
        table = cur.fetch_arrow_table()
        return str(table.schema), table.to_pylist()


def failure(sql):
    try:
        ask(sql)
    except adbc_driver_postgresql.dbapi.Error as e:
        return e.sqlstate
    return "no error"


for question in QUESTIONS:
    if question.startswith("SELECT 'é'") or "nowhere" in question or "nothing" in question or question in ("SELEC 1", "SELECT 1/0"):
        same(question, lambda: failure(question))
    else:
        same(question, lambda: ask(question))
same("types", lambda: ask("SELECT true AS a, 1::int2 AS b, 2 AS c, 3::int8 AS d, 1.5::float4 AS e, 2.5::float8 AS f, 12.50::numeric(6,2) AS g, 'x'::text AS h, '\\x01'::bytea AS i, date '2024-02-29' AS j, time '12:34:56' AS k, timestamp '2024-02-29 12:34:56.5' AS l, timestamptz '2024-02-29 12:34:56+00' AS m, interval '1 day' AS n, '{1,2}'::int[] AS o, '{\"a\": 1}'::jsonb AS p"))
same("parameters", lambda: [ask(GROUPED, (n,)) for n in (0, 20, 101)])
same("without COPY", lambda: (lambda c: (c.adbc_statement.set_options(**{"adbc.postgresql.use_copy": "false"}), c.execute("SELECT city, count(*) FROM people GROUP BY city ORDER BY 1"), c.fetchall())[2])(conn.cursor()))
same("batches of rows", lambda: (lambda c: (c.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": "64"}), c.execute("SELECT city, sex, count(*) FROM people GROUP BY 1, 2 ORDER BY 1, 2"), [b.to_pylist() for b in c.fetch_record_batch()])[2])(conn.cursor()))
same("schema", lambda: str(conn.adbc_get_table_schema("people")))
same("table types", lambda: sorted(conn.adbc_get_table_types()))
same("objects", lambda: [s for c in conn.adbc_get_objects(depth="all", db_schema_filter="public").read_all().to_pylist() for s in c["catalog_db_schemas"]])
same("info", lambda: {k: v for k, v in conn.adbc_get_info().items() if k.startswith("vendor")})
same("pandas", lambda: (lambda f: ([(c, str(t)) for c, t in f.dtypes.items()], f.values.tolist()))(pandas.read_sql("SELECT city, count(*) AS n FROM people GROUP BY city ORDER BY 1", conn, dtype_backend="pyarrow")))
if GATEWAY:
    for sql, state in REFUSALS:
        holds("refused " + sql, lambda: failure(sql) == state or failure(sql))
    for view in ("budget", "last", "history", "studies", "tables", "columns"):
        holds("c2d." + view, lambda: len(ask("SELECT * FROM c2d." + view)[0]) > 1)
conn.close()
