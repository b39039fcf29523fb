-- Statements that are refused for everybody, whatever an owner releases; the line before each is its SQLSTATE.
-- ZD001
SELECT * FROM people

-- ZD001
SELECT age FROM people

-- ZD001
SELECT * FROM people LIMIT 1

-- 42803
SELECT sex, age, count(*) FROM people GROUP BY sex

-- ZD003
SELECT min(age) FROM people

-- ZD003
SELECT string_agg(sex, ',') FROM people

-- ZD003
SELECT array_agg(age) FROM people

-- ZD002
SELECT sum(value) FROM visits

-- ZD004
SELECT count(*) FROM people, visits

-- ZD004
SELECT count(*) FROM people p JOIN visits v ON p.age = v.rank

-- ZD012
SELECT weight, count(*) FROM people GROUP BY weight

-- 42501
SELECT note, count(*) FROM people GROUP BY note

-- 42501
SELECT sum(city::int) FROM people

-- 42703
SELECT count(secret) FROM people

-- 42703
SELECT count(nothing) FROM people

-- 42P01
SELECT count(*) FROM nothing

-- 42601
SELECT count(* FROM people

-- 25006
INSERT INTO people (id) VALUES (1)

-- 25006
UPDATE people SET age = 1

-- 25006
DELETE FROM people

-- 25006
CREATE TABLE mine (x int)

-- 25006
DROP TABLE people

-- 25006
TRUNCATE people

-- 25006
COPY people FROM STDIN

-- ZD001
COPY people TO STDOUT

-- 0A000
SELECT count(*) FROM people WHERE age = (SELECT max(rank) FROM visits)

-- 0A000
SELECT count(*) FROM people WHERE EXISTS (SELECT 1 FROM visits)

-- 0A000
WITH x AS (SELECT * FROM people), y AS (SELECT count(*) FROM x) SELECT * FROM y

-- 0A000
SELECT (SELECT count(*) FROM people), (SELECT count(*) FROM visits)

-- 0A000
SELECT count(*) FROM people WHERE age = ANY ('{{1,2},{3,4}}')

-- 0A000
SELECT count(*) FROM people WHERE age = ANY (ARRAY[age, 3])

-- 0A000
SELECT count(*) FROM people WHERE note LIKE 'x%'

-- 0A000
SELECT count(*) FROM people UNION SELECT count(*) FROM visits

-- 0A000
SELECT count(*) FROM people CROSS JOIN pg_class

-- 0A000
SELECT sex, count(*) OVER () FROM people GROUP BY sex

-- 0A000
SELECT count(*) FROM people a JOIN people b USING (id)

-- 0A000
SELECT count(*) FROM people WHERE note ~ 'x+'

-- 0A000
SELECT sum(age / income) FROM people

-- 0A000
SELECT sum(sqrt(age)) FROM people

-- 0A000
SELECT count(*) FROM people WHERE income = power(age, 10)

-- 0A000
SELECT sex, count(*) FROM people GROUP BY ROLLUP (sex)

-- 42501
SELECT c2d.run('x', ARRAY['y'])

-- 42501
SELECT * FROM dblink('host=/tmp', 'SELECT 1') AS t(x int)

-- 42501
SET ROLE postgres

-- 25006
DO $$ BEGIN END $$

-- 42501
SELECT query_to_xml('SELECT count(*) FROM people', true, true, '')

-- 42501
SELECT pg_read_file('/etc/passwd')

-- 42501
SELECT count(*) FILTER (WHERE id = 5) FROM people

-- 42501
SELECT id, count(*) FROM people GROUP BY id

-- 0A000
SELECT count(*) FROM people JOIN visits USING (id) JOIN stays USING (id)

-- ZD005
SELECT count(*) FROM people LEFT JOIN visits USING (id) WHERE people.age > visits.rank

-- 0A000
SELECT sum(score * 2) FROM visits

-- 0A000
SELECT day - 1, count(*) FROM visits GROUP BY day - 1

-- 0A000
SELECT (SELECT count(*) FROM people) BETWEEN 1 AND 5
