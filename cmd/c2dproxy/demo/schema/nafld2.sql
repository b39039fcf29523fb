CREATE TABLE nafld2 (id integer, days integer, test text, value double precision);
