CREATE TABLE nafld1 (
	id integer PRIMARY KEY, age integer, male integer, weight double precision, height double precision,
	bmi double precision, case_id integer, futime integer, status integer
);
