"""What a pandas user does; argument: the connection URI. Ends with "ok", or with an assertion."""
import sys
import warnings

import pandas
import psycopg2

warnings.simplefilter("ignore", UserWarning)  # pandas prefers SQLAlchemy, and works without
conn = psycopg2.connect(sys.argv[1])

frame = pandas.read_sql("SELECT sex, count(*) AS n, avg(weight) AS weight FROM people GROUP BY sex ORDER BY sex", conn)
assert list(frame.columns) == ["sex", "n", "weight"], frame.columns
assert frame["n"].sum() == 150 and frame["sex"].isna().sum() == 1, frame

frame = pandas.read_sql("SELECT born, count(*) AS n FROM people WHERE born < %(day)s GROUP BY born", conn, params={"day": "1990-02-01"}, parse_dates=["born"])
assert frame["born"].dt.year.eq(1990).all() and len(frame) > 5, frame

frames = list(pandas.read_sql("SELECT city, count(*) AS n FROM people GROUP BY city ORDER BY city", conn, chunksize=2))
assert [len(f) for f in frames] == [2, 1], frames

frame = pandas.read_sql("SELECT table_name, column_name, uses FROM c2d.columns", conn)
assert len(frame) > 20, frame

try:
    pandas.read_sql("SELECT * FROM people", conn)
except Exception as e:
    assert "ZD001" in str(getattr(e, "__cause__", None) and e.__cause__.pgcode), repr(e)
else:
    raise AssertionError("rows were not refused")
print("ok")
