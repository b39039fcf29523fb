CREATE TABLE gbsg (
	pid integer PRIMARY KEY, age integer, meno integer, size integer, grade integer, nodes integer,
	pgr integer, er integer, hormon integer, rfstime integer, status integer
);
