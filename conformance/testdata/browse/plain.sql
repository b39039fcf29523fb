-- The studies' tables as one PostgreSQL has them, empty, for statements about the catalog to be compared.
CREATE TABLE events (id integer NOT NULL, days integer NOT NULL, event text NOT NULL);
CREATE TABLE measurements (id integer NOT NULL, days integer NOT NULL, test text NOT NULL, value numeric(8,2));
CREATE TABLE patients (id integer NOT NULL, age integer NOT NULL, male boolean NOT NULL, weight numeric(5,1), height numeric(5,1),
  bmi numeric(4,1), died boolean NOT NULL, futime integer NOT NULL, PRIMARY KEY (id));
