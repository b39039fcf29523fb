CREATE TABLE rotterdam (
	pid integer PRIMARY KEY, year integer, age integer, meno integer, size text, grade integer, nodes integer,
	pgr integer, er integer, hormon integer, chemo integer, rtime integer, recur integer, dtime integer, death integer
);
