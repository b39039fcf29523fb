CREATE TABLE nafld3 (id integer, days integer, event text);
