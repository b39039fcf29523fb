"""What a psycopg2 user does; argument: the connection URI. Ends with "ok", or with an assertion."""
import sys

import psycopg2
import psycopg2.extras

uri = sys.argv[1]
conn = psycopg2.connect(uri)
cur = conn.cursor()


def refused(sql, code):
    """Runs a statement in a savepoint and checks the SQLSTATE that Python sees."""
    cur.execute("SAVEPOINT s")
    try:
        cur.execute(sql)
    except psycopg2.Error as e:
        assert e.pgcode == code, (sql, e.pgcode, str(e))
        cur.execute("ROLLBACK TO s")
        return e
    raise AssertionError("not refused: " + sql)


cur.execute("SELECT count(*) FROM people")
assert cur.fetchone() == (150,)

cur.execute("SELECT count(*), avg(weight) FROM people WHERE age >= %s AND sex = %s", (0, "f"))
count, mean = cur.fetchone()
assert count > 0 and 40 < float(mean) < 200, (count, mean)

cur.execute("PREPARE p(int) AS SELECT count(*) FROM people WHERE age > $1")
cur.execute("EXECUTE p(100)")
assert cur.fetchone() == (0,)

cur.execute("SELECT sex, count(*) FROM people GROUP BY sex ORDER BY sex")
rows = cur.fetchall()
assert [r[0] for r in rows] == ["f", "m", None] and sum(r[1] for r in rows) == 150, rows

error = refused("SELECT * FROM people", "ZD001")
assert error.diag.message_hint, error.diag.message_hint
refused("INSERT INTO people (id) VALUES (1)", "25006")
refused("SELECT note, count(*) FROM people GROUP BY note", "42501")
error = refused("SELECT sum(age / income) FROM people", "0A000")
assert error.diag.statement_position == "16", error.diag.statement_position

named = conn.cursor("named", scrollable=True)
named.itersize = 1
named.execute("SELECT sex, count(*) FROM people GROUP BY sex ORDER BY sex")
assert named.fetchone()[0] == "f" and [r[0] for r in named] == ["m", None]
named.close()
conn.commit()

held = conn.cursor("held", withhold=True)
held.execute("SELECT city, count(*) FROM people GROUP BY city ORDER BY city")
conn.commit()
assert len(held.fetchall()) == 3
held.close()

import io

out = io.StringIO()
cur.copy_expert("COPY (SELECT sex, count(*) FROM people GROUP BY sex ORDER BY sex) TO STDOUT WITH CSV HEADER", out)
assert out.getvalue().splitlines()[0] == "sex,count" and len(out.getvalue().splitlines()) == 4, out.getvalue()

dicts = conn.cursor(cursor_factory=psycopg2.extras.DictCursor)
dicts.execute("SELECT owner, source, epsilon_left FROM c2d.budget ORDER BY source")
dicts.fetchall()
cur.execute("SELECT * FROM c2d.last")
cur.fetchall()
cur.execute("SELECT statement, outcome FROM c2d.history")
assert any("avg(weight)" in s and o == "answered" for s, o in cur.fetchall())
conn.rollback()

auto = psycopg2.connect(uri)
auto.autocommit = True
with auto.cursor() as c:
    c.execute("SET c2d.epsilon = 0.5")
    c.execute("SHOW c2d.epsilon")
    assert c.fetchone() == ("0.5",)
print("ok")
