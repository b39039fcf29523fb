"""What programs on SQLAlchemy do: inspector, reflection, Core statements, streams, ORM; through psycopg2."""
import datetime
import os
import warnings

import sqlalchemy
from sqlalchemy import Column, Date, Integer, MetaData, Numeric, String, Table, and_, case, distinct, func, select, text
from sqlalchemy.orm import Session, declarative_base

from report import GATEWAY, QUESTIONS, REFUSALS, TYPES, describe, holds, same, state_of, version

warnings.simplefilter("ignore")
DRIVER = "psycopg2" if sqlalchemy.__version__ < "2" else "psycopg"
version("%s, %s %s" % (sqlalchemy.__version__, DRIVER, __import__(DRIVER).__version__.split()[0]))
URL = sqlalchemy.engine.URL.create("postgresql+" + DRIVER, os.environ["PGUSER"], os.environ["PGPASSWORD"], os.environ["PGHOST"],
                                   int(os.environ["PGPORT"]), os.environ["PGDATABASE"],
                                   {"sslmode": os.environ["PGSSLMODE"], "sslrootcert": os.environ["PGSSLROOTCERT"]})
engine = sqlalchemy.create_engine(URL, future=True)


def ours(names):
    """Schemas that only the gateway has are left out."""
    return sorted(n for n in names if not n.startswith("c2d"))


inspector = sqlalchemy.inspect(engine)
same("schemas", lambda: ours(inspector.get_schema_names()))
same("default schema", lambda: inspector.default_schema_name)
same("tables", lambda: inspector.get_table_names())
same("tables of public", lambda: inspector.get_table_names("public"))
same("views", lambda: inspector.get_view_names())
same("materialized views", lambda: inspector.get_view_names(include="materialized"))
same("temporary tables", lambda: inspector.get_temp_table_names())
same("enums", lambda: inspector.get_enums())
same("foreign tables", lambda: inspector.get_foreign_table_names())
same("sequences", lambda: inspector.get_sequence_names())
for table in ("people", "sites", "stays", "visits"):
    same("columns of " + table, lambda: [(c["name"], repr(c["type"]), c["nullable"], c["default"], c["comment"]) for c in inspector.get_columns(table)])
    for what in ("pk_constraint", "foreign_keys", "unique_constraints", "indexes", "check_constraints", "table_comment"):
        same("%s of %s" % (what, table), lambda: getattr(inspector, "get_" + what)(table))
    same("options of " + table, lambda: inspector.get_table_options(table))
same("columns of nothing", lambda: inspector.get_columns("nothing"))
same("has table", lambda: (inspector.has_table("people"), inspector.has_table("nothing")))

metadata = MetaData()
same("reflect", lambda: (metadata.reflect(engine), sorted(metadata.tables))[1])
people, visits = metadata.tables["people"], metadata.tables["visits"]
same("reflected", lambda: [repr(c) for c in people.columns])
same("reflect one", lambda: repr(Table("sites", MetaData(), autoload_with=engine)))


def rows(statement, **how):
    with engine.connect() as conn:
        result = conn.execute(statement, **how)
        return list(result.keys()), [tuple(v.tobytes() if isinstance(v, memoryview) else v for v in r) for r in result]


for question in QUESTIONS:
    same(question, lambda: rows(text(question)))
same("types", lambda: rows(text(TYPES.replace("::", "\\:\\:").replace('"a": ', '"a"\\: '))))
same("core", lambda: rows(select(people.c.sex, func.count().label("n"), func.avg(people.c.weight)).where(people.c.age >= 20).group_by(people.c.sex).order_by(people.c.sex)))
same("core with a join", lambda: rows(select(visits.c.kind, func.count()).select_from(people.join(visits, people.c.id == visits.c.id)).where(people.c.sex == "f").group_by(visits.c.kind).order_by(visits.c.kind)))
same("core with IN and BETWEEN", lambda: rows(select(func.count()).select_from(people).where(and_(people.c.sex.in_(["f", "m"]), people.c.age.between(20, 60)))))
same("core with dates", lambda: rows(select(func.count()).select_from(people).where(people.c.born < datetime.date(1990, 2, 1))))
same("core distinct", lambda: rows(select(func.count(distinct(people.c.id)))))
same("core case", lambda: rows(select(func.sum(case((people.c.sex == "f", 1), else_=0)))))
same("core having", lambda: rows(select(people.c.city, func.count()).group_by(people.c.city).having(func.count() > 20).order_by(people.c.city)))
same("subquery", lambda: rows(select(func.count(), func.avg(select(people.c.age).where(people.c.age > 10).subquery().c.age))))
same("compiled names", lambda: rows(text("SELECT count(*) AS n FROM people WHERE sex = :sex AND age > :age"), parameters={"sex": "f", "age": 30}))

Base = declarative_base()


class Person(Base):
    __tablename__ = "people"
    id = Column(Integer, primary_key=True)
    sex = Column(String)
    age = Column(Integer)
    weight = Column(Numeric(5, 1))
    born = Column(Date)


def orm():
    with Session(engine) as session:
        return session.query(Person.sex, func.count(Person.id)).filter(Person.age > 30).group_by(Person.sex).order_by(Person.sex).all()


same("orm", orm)


def stream(**how):
    with engine.connect() as conn:
        result = conn.execution_options(stream_results=True, **how).execute(text("SELECT city, sex, count(*) FROM people GROUP BY 1, 2 ORDER BY 1, 2"))
        return [[tuple(r) for r in part] for part in result.partitions(2)]


same("stream results", stream)
same("stream with a row buffer", lambda: stream(max_row_buffer=3))


def transaction():
    with engine.connect() as conn:
        with conn.begin():
            inner, got = conn.begin_nested(), []
            try:
                conn.execute(text("SELECT nothing FROM people"))
            except sqlalchemy.exc.ProgrammingError as e:
                got.append(state_of(e.orig))
                inner.rollback()
            return got + [conn.execute(text("SELECT count(*) FROM people")).scalar()]


same("nested transaction", transaction)
for level in ("AUTOCOMMIT", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"):
    def isolated():
        with engine.connect().execution_options(isolation_level=level, postgresql_readonly=True, postgresql_deferrable=True) as conn:
            return conn.execute(text("SELECT count(*) FROM people")).scalar(), conn.get_isolation_level()
    same("isolation " + level, isolated)
same("pre-ping and reset", lambda: [sqlalchemy.create_engine(URL, pool_pre_ping=True).connect().execute(text("SELECT 1")).scalar() for _ in range(2)])
same("server side cursors", lambda: sqlalchemy.create_engine(URL, server_side_cursors=True).connect().execute(text("SELECT city, count(*) FROM people GROUP BY 1 ORDER BY 1")).fetchall())
if GATEWAY:
    def refused(sql, state):
        try:
            with engine.connect() as conn:
                conn.execute(text(sql))
        except sqlalchemy.exc.DBAPIError as e:
            return state_of(e.orig) == state or describe(e.orig)
        return "not refused"

    for sql, state in REFUSALS:
        holds("refused " + sql, lambda: refused(sql, state))
    holds("rows of a table", lambda: refused(str(select(people).limit(5).compile(compile_kwargs={"literal_binds": True})), "ZD001"))
    holds("views and tables of c2d", lambda: set(inspector.get_view_names("c2d") + inspector.get_table_names("c2d")) >= {"budget", "columns", "history", "last", "studies", "tables"})
    holds("columns of c2d.budget", lambda: "epsilon_left" in [c["name"] for c in inspector.get_columns("budget", "c2d")])
    holds("explain", lambda: "people" in str(rows(text("EXPLAIN SELECT count(*) FROM people WHERE age > 5"))))
    holds("history", lambda: rows(text("SELECT count(*) FROM c2d.history WHERE outcome = 'answered'"))[1][0][0] > 5)
