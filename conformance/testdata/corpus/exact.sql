-- Statements that the federation answers exactly as one PostgreSQL with all tables does.
-- One owner's table: no group, expressions, filters.
SELECT count(*) FROM people

SELECT count(*), count(age), count(sex), count(weight), sum(age), avg(age), sum(weight), avg(weight), count(DISTINCT id) FROM people

SELECT count(*) AS n, sum(income) AS total, avg(income) AS mean FROM people WHERE sex = 'f' AND age >= 18

SELECT count(*) FROM people WHERE sex = 'f' AND sex = 'm'

SELECT sum(age), avg(age), count(age) FROM people WHERE age > 100

SELECT count(*), sum(age) FROM people WHERE age IS NULL

SELECT sum(age * 2 + 1), sum(abs(age - 40)), sum(-age), avg(age * income) FROM people

SELECT sum(CASE WHEN active THEN income ELSE 0 END), sum(CASE WHEN age > 50 THEN 1 END) FROM people

SELECT sum(coalesce(age, 0)), avg(nullif(age, 37)), sum(greatest(age, 30)), sum(least(age, 30)) FROM people

SELECT count(*) FILTER (WHERE active), count(*) FILTER (WHERE NOT active), sum(age) FILTER (WHERE sex = 'm') FROM people

SELECT count(*) FROM people WHERE active IS NOT TRUE

SELECT count(*) FROM people WHERE active IS UNKNOWN OR age < 10

SELECT count(*) FROM people WHERE NOT (age BETWEEN 20 AND 60)

SELECT count(*) FROM people WHERE age NOT IN (1, 2, 3) AND sex IN ('f', 'm')

SELECT count(*) FROM people WHERE sex IS DISTINCT FROM 'f'

SELECT count(*) FROM people WHERE born >= '1990-02-01' AND born < date '1990-03-01'

SELECT count(*) FROM people WHERE weight * 2 > 150.5

SELECT count(*) FROM people WHERE city = 'it''s'

SELECT count(*) FROM people WHERE note = 'note 3'

SELECT count(*) FROM people WHERE lower(city) = 'a b' OR length(city) = 3

SELECT count(*) + 1 AS more, round(avg(weight), 2) AS w, sum(age) / count(*) AS ratio FROM people

SELECT count(*)::text || ' persons' AS words, to_char(avg(age), '999.99') AS mean FROM people

SELECT avg(age) > 40 AS old, CASE WHEN count(*) > 100 THEN 'many' ELSE 'few' END AS how FROM people

-- Nothing is asked of an owner: no rows, or the declared domain.
SELECT age, sex FROM people LIMIT 0

SELECT age, city, born FROM people WHERE false

-- Groups.
SELECT sex, count(*) FROM people GROUP BY sex ORDER BY sex

SELECT sex, count(*) FROM people GROUP BY sex ORDER BY sex NULLS FIRST

SELECT sex, active, count(*), avg(age) FROM people GROUP BY sex, active ORDER BY 1, 2

SELECT city, count(*) AS n, sum(income) FROM people GROUP BY city ORDER BY n DESC, city

SELECT city, sum(weight) FROM people WHERE age > 98 GROUP BY city ORDER BY city

SELECT age, count(*) FROM people GROUP BY age ORDER BY age DESC NULLS LAST

SELECT age / 10 AS decade, count(*), avg(weight) FROM people GROUP BY age / 10 ORDER BY decade

SELECT age / 10 * 10 AS decade, count(*) FROM people GROUP BY 1 ORDER BY 1

SELECT width_bucket(age, 0, 100, 4) AS quarter, count(*) FROM people GROUP BY quarter ORDER BY quarter

SELECT width_bucket(weight, 40, 190, 5) AS bucket, count(*), avg(weight) FROM people GROUP BY bucket ORDER BY bucket

SELECT date_trunc('month', born) AS month, count(*) FROM people GROUP BY 1 ORDER BY 1

SELECT extract(month FROM born) AS month, extract(dow FROM born) AS dow, count(*) FROM people GROUP BY 1, 2 ORDER BY 1, 2

SELECT born, count(*) FROM people WHERE born < '1990-01-15' GROUP BY born ORDER BY born

SELECT CASE WHEN age < 18 THEN 'child' WHEN age < 65 THEN 'adult' WHEN age >= 65 THEN 'old' END AS class, count(*), avg(income) FROM people GROUP BY 1 ORDER BY 1

SELECT upper(sex) AS sex, count(*) FROM people GROUP BY upper(sex) ORDER BY 1

SELECT coalesce(sex, 'f') AS sex, count(*) FROM people GROUP BY 1 ORDER BY 1

SELECT age > 50 AS over, sex, count(*) FROM people GROUP BY age > 50, sex ORDER BY 1, 2

SELECT sex FROM people GROUP BY sex HAVING count(*) > 20 ORDER BY sex

SELECT sex, count(*) FROM people GROUP BY sex HAVING count(*) > 20 AND sum(age) < 4000 ORDER BY sex

SELECT city, count(*) FROM people GROUP BY city HAVING sum(weight) >= 5000.5 ORDER BY city

SELECT age, sum(weight) FROM people GROUP BY age HAVING count(weight) = 1 ORDER BY age

SELECT active, count(*) FROM people GROUP BY active HAVING 30 <= count(*) ORDER BY active

SELECT age FROM people GROUP BY age HAVING count(*) > 1000

SELECT city, count(*) FROM people GROUP BY city ORDER BY count(*) DESC, city DESC

SELECT sex || '!' AS s, count(*) * 2 AS twice, round(avg(age)) AS mean FROM people GROUP BY sex ORDER BY 1

SELECT DISTINCT count(*) FROM people

SELECT extract(day FROM born) AS d, count(DISTINCT id) FROM people WHERE sex = 'f' GROUP BY 1 ORDER BY 1

SELECT count(*) AS "Größe", 'x' AS constant, 1 AS one FROM people

SELECT p.sex, count(p.age) FROM people AS p GROUP BY p.sex ORDER BY p.sex

SELECT greatest(age, 50) AS g, count(*) FROM people WHERE age < 55 GROUP BY 1 ORDER BY 1

-- Bounds that depend on another column.
SELECT avg(value), sum(value), count(value), count(*) FROM visits WHERE kind = 'sbp'

SELECT avg(value), count(*) FROM visits WHERE kind IN ('chol', 'bmi') AND rank > 1

SELECT rank, avg(value) FROM visits WHERE kind = 'bmi' GROUP BY rank ORDER BY rank

SELECT kind, count(*), count(value), sum(score), count(DISTINCT id) FROM visits GROUP BY kind ORDER BY kind

SELECT day, kind, count(*), sum(score) FROM visits WHERE ok GROUP BY day, kind ORDER BY day, kind

SELECT date_trunc('day', at) AS day, count(*) FROM visits GROUP BY 1 ORDER BY 1

SELECT extract(hour FROM at) AS hour, count(*) FROM visits WHERE kind = 'sbp' GROUP BY 1 ORDER BY 1

SELECT date_trunc('month', at)::date AS month, ok, count(*) FROM visits GROUP BY date_trunc('month', at), ok ORDER BY 1, 2

SELECT date_trunc('week', day) AS week, count(*) FROM visits GROUP BY 1 ORDER BY 1

SELECT count(*) FROM visits WHERE at >= '2024-02-29 12:00' AND at < '2024-03-01'

SELECT count(*), sum(score), avg(score) FROM visits WHERE score BETWEEN -50.25 AND 50.25

SELECT ward, days, count(*) FROM stays WHERE days < 5 GROUP BY ward, days ORDER BY ward, days

SELECT ward, urgent, sum(days), avg(days) FROM stays GROUP BY ward, urgent ORDER BY ward, urgent

SELECT extract(year FROM admitted) AS y, extract(quarter FROM admitted) AS q, count(*) FROM stays GROUP BY 1, 2 ORDER BY 1, 2

-- A table that three owners hold parts of.
SELECT count(*) FROM sites

SELECT count(*), count(grade), count(cost), sum(cost), avg(cost), count(DISTINCT pid), sum(grade) FROM sites

SELECT region, count(*), avg(cost) FROM sites GROUP BY region ORDER BY region

SELECT grade, flag, count(*), sum(cost) FROM sites GROUP BY grade, flag ORDER BY grade, flag

SELECT region, grade, count(DISTINCT pid) FROM sites WHERE flag GROUP BY region, grade ORDER BY region, grade

SELECT date_trunc('day', seen) AS day, count(*) FROM sites WHERE cost IS NOT NULL GROUP BY 1 ORDER BY 1

SELECT extract(dow FROM seen) AS dow, region, count(*), sum(cost) FROM sites GROUP BY 1, 2 HAVING count(*) >= 10 ORDER BY 1, 2

SELECT count(*), sum(cost) FROM sites WHERE cost < -999 AND region = 'south'

SELECT region, count(*) FROM sites WHERE region = 'south' GROUP BY region

SELECT grade, avg(cost) FROM sites WHERE cost > 9000 GROUP BY grade ORDER BY grade

SELECT width_bucket(cost, -1000, 10000, 4) AS b, count(*), sum(grade) FROM sites GROUP BY 1 ORDER BY 1

SELECT grade * 10 AS g, sum(abs(cost)) FROM sites GROUP BY grade * 10 ORDER BY g

-- Joins of two owners' tables; visits and stays have several rows a person, and persons that
-- the other table does not have.
SELECT count(*) FROM people JOIN visits USING (id)

SELECT count(*) FROM visits JOIN people USING (id)

SELECT count(*), sum(v.score), sum(s.days), count(s.days), count(DISTINCT s.id) FROM visits v JOIN stays s ON s.id = v.id

SELECT count(*), sum(v.score), sum(s.days), count(s.ward), count(DISTINCT v.id) FROM stays s JOIN visits v ON s.id = v.id

SELECT p.sex, count(*), avg(v.score), avg(p.age) FROM people p JOIN visits v USING (id) GROUP BY p.sex ORDER BY p.sex

SELECT p.sex, v.kind, count(*), count(DISTINCT p.id), sum(p.age) FROM people p JOIN visits v ON p.id = v.id GROUP BY p.sex, v.kind ORDER BY 1, 2

SELECT v.kind, p.active, avg(v.score), avg(p.weight) FROM visits v, people p WHERE v.id = p.id AND p.age > 20 AND v.ok GROUP BY v.kind, p.active ORDER BY 1, 2

SELECT s.ward, v.rank, count(*), sum(s.days), sum(v.score) FROM stays s JOIN visits v USING (id) WHERE s.urgent AND v.kind <> 'chol' GROUP BY s.ward, v.rank ORDER BY s.ward, v.rank

SELECT s.ward, count(DISTINCT id) AS persons, avg(p.income) FROM people p JOIN stays s USING (id) GROUP BY s.ward HAVING count(DISTINCT id) >= 5 ORDER BY persons DESC, ward

SELECT avg(v.value) FROM visits v JOIN stays s USING (id) WHERE v.kind = 'sbp' AND s.ward = 'A'

SELECT count(*), sum(p.age), avg(p.age) FROM people p JOIN visits v USING (id) WHERE p.age > 100

SELECT p.sex, count(*) FROM people p JOIN visits v USING (id) WHERE v.kind = 'unused' GROUP BY p.sex

SELECT age / 20 AS g, day, count(*) FROM people JOIN visits USING (id) GROUP BY age / 20, day ORDER BY 1, 2

SELECT width_bucket(p.weight, 40, 190, 3) AS w, extract(month FROM s.admitted) AS m, count(*), sum(s.days) FROM stays s JOIN people p ON p.id = s.id GROUP BY 1, 2 ORDER BY 1, 2

SELECT count(*) FILTER (WHERE p.sex = 'f') AS f, sum(s.days) FILTER (WHERE p.active) AS d FROM people p JOIN stays s USING (id)

SELECT p.sex, sum(s.days * 2 - 1), count(p.weight), sum(p.weight) FROM people p JOIN stays s USING (id) WHERE s.days IS NOT NULL GROUP BY p.sex ORDER BY p.sex

-- Parameters.
-- $ 40
SELECT count(*) FROM people WHERE age > $1

-- $ f | 18
SELECT count(*), avg(weight) FROM people WHERE sex = $1 AND age >= $2

-- $ NULL
SELECT count(*) FROM people WHERE age > $1

-- $ 1990-02-01 | 1990-02-10
SELECT city, count(*) FROM people WHERE born BETWEEN $1 AND $2 GROUP BY city ORDER BY city

-- $ 10
SELECT sex, count(*) FROM people GROUP BY sex HAVING count(*) > $1 ORDER BY sex

-- $ sbp | A
SELECT p.ward, count(*), avg(v.value) FROM visits v JOIN stays p USING (id) WHERE v.kind = $1 AND p.ward = $2 GROUP BY p.ward

-- $ 77.5 | true
SELECT count(*) FROM people WHERE weight < $1 AND active = $2

-- $ 3 | east
SELECT grade, sum(cost) FROM sites WHERE grade = $1::smallint AND region = $2 GROUP BY grade

-- Around the question: PostgreSQL computes on released rows.
SELECT max(n), sum(n) FROM (SELECT sex, count(*) AS n FROM people GROUP BY sex) AS t

WITH t AS (SELECT sex, count(*) AS n FROM people GROUP BY sex) SELECT sex, n, round(100.0 * n / (SELECT sum(n) FROM t), 1) AS percent FROM t ORDER BY sex

SELECT sex, count(*), sum(count(*)) OVER (), rank() OVER (ORDER BY count(*) DESC) FROM people GROUP BY sex ORDER BY sex

SELECT (SELECT count(*) FROM people WHERE sex = 'f') * 2 AS twice

-- Arrays, patterns and bins.
SELECT count(*), count(*) FILTER (WHERE sex <> ALL (ARRAY['f', NULL])) FROM people WHERE age = ANY ('{20,21,22,23,24,30,31,32,33,34,40,41,42,NULL}')

SELECT count(*) FROM people WHERE sex LIKE 'f%' OR sex ILIKE 'M'

SELECT sum(floor(age / 10.0) * 10), sum(age % 7), sum(round(income)), sum(active::int) FROM people

SELECT sex, (NOT (count(*) > 0)) IS NULL AS x, (count(*) > 0 AND sum(age) > 0) IS NOT NULL AS y FROM people GROUP BY sex ORDER BY sex

SELECT floor((SELECT count(*) FROM people) / 10) FROM generate_series(1, 2)
