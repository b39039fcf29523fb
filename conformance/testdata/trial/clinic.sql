CREATE TABLE trial_people (id integer, sex text, age integer, city text, weight numeric(5,1), born date, active boolean, income bigint, note text, secret text);
INSERT INTO trial_people
SELECT i,
       CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN 'm' WHEN 2 THEN 'm' ELSE 'f' END,
       CASE WHEN i % 11 = 0 THEN NULL ELSE (i * 37) % 101 END,
       (ARRAY['a b', 'it''s', 'Åby'])[1 + i * 5 % 3],
       CASE WHEN i % 9 = 4 THEN NULL ELSE 40 + (i * 131 % 1500) / 10.0 END,
       CASE WHEN i % 13 = 5 THEN NULL ELSE date '1990-01-01' + i * 17 % 90 END,
       CASE i % 5 WHEN 3 THEN NULL WHEN 1 THEN false ELSE true END,
       i * 7919 % 100001, 'note ' || i % 6, 'secret ' || i
  FROM generate_series(1, 150) AS i;
CREATE TABLE trial_persons (id integer, sex text, age integer, city text, weight numeric(5,1), born date, active boolean, income bigint, note text, secret text);
INSERT INTO trial_persons
SELECT i,
       CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN 'm' WHEN 2 THEN 'm' ELSE 'f' END,
       CASE WHEN i % 11 = 0 THEN NULL ELSE (i * 37) % 101 END,
       (ARRAY['a b', 'it''s', 'Åby'])[1 + i * 5 % 3],
       CASE WHEN i % 9 = 4 THEN NULL ELSE 40 + (i * 131 % 1500) / 10.0 END,
       CASE WHEN i % 13 = 5 THEN NULL ELSE date '1990-01-01' + i * 17 % 90 END,
       CASE i % 5 WHEN 3 THEN NULL WHEN 1 THEN false ELSE true END,
       i * 7919 % 100001, 'note ' || i % 6, 'secret ' || i
  FROM generate_series(1, 3500) AS i;
CREATE TABLE trial_planted (id integer, sex text, age integer, city text, weight numeric(5,1), born date, active boolean, income bigint, note text, secret text);
INSERT INTO trial_planted
SELECT i,
       CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN 'm' WHEN 2 THEN 'm' ELSE 'f' END,
       CASE WHEN i % 11 = 0 THEN NULL ELSE (i * 37) % 101 END,
       (ARRAY['a b', 'it''s', 'Åby'])[1 + i * 5 % 3],
       CASE WHEN i % 9 = 4 THEN NULL ELSE 40 + (i * 131 % 1500) / 10.0 END,
       CASE WHEN i % 13 = 5 THEN NULL ELSE date '1990-01-01' + i * 17 % 90 END,
       CASE i % 5 WHEN 3 THEN NULL WHEN 1 THEN false ELSE true END,
       i * 7919 % 100001, 'note ' || i % 6, 'secret ' || i
  FROM generate_series(1, 40) AS i;
CREATE TABLE trial_cleared (id integer, sex text, age integer, city text, weight numeric(5,1), born date, active boolean, income bigint, note text, secret text);
INSERT INTO trial_cleared
SELECT i,
       CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN 'm' WHEN 2 THEN 'm' ELSE 'f' END,
       CASE WHEN i % 11 = 0 THEN NULL ELSE (i * 37) % 101 END,
       (ARRAY['a b', 'it''s', 'Åby'])[1 + i * 5 % 3],
       CASE WHEN i % 9 = 4 THEN NULL ELSE 40 + (i * 131 % 1500) / 10.0 END,
       CASE WHEN i % 13 = 5 THEN NULL ELSE date '1990-01-01' + i * 17 % 90 END,
       CASE i % 5 WHEN 3 THEN NULL WHEN 1 THEN false ELSE true END,
       i * 7919 % 100001, 'note ' || i % 6, 'secret ' || i
  FROM generate_series(1, 40) AS i;
CREATE TABLE trial_crowded (id integer, sex text, age integer, city text, weight numeric(5,1), born date, active boolean, income bigint, note text, secret text);
INSERT INTO trial_crowded
SELECT i,
       CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN 'm' WHEN 2 THEN 'm' ELSE 'f' END,
       CASE WHEN i % 11 = 0 THEN NULL ELSE (i * 37) % 101 END,
       (ARRAY['a b', 'it''s', 'Åby'])[1 + i * 5 % 3],
       CASE WHEN i % 9 = 4 THEN NULL ELSE 40 + (i * 131 % 1500) / 10.0 END,
       CASE WHEN i % 13 = 5 THEN NULL ELSE date '1990-01-01' + i * 17 % 90 END,
       CASE i % 5 WHEN 3 THEN NULL WHEN 1 THEN false ELSE true END,
       i * 7919 % 100001, 'note ' || i % 6, 'secret ' || i
  FROM generate_series(1, 5000) AS i;
CREATE TABLE trial_deserts (id integer, sex text, age integer, city text, weight numeric(5,1), born date, active boolean, income bigint, note text, secret text);
INSERT INTO trial_deserts
SELECT i,
       CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN 'm' WHEN 2 THEN 'm' ELSE 'f' END,
       CASE WHEN i % 11 = 0 THEN NULL ELSE (i * 37) % 101 END,
       (ARRAY['a b', 'it''s', 'Åby'])[1 + i * 5 % 3],
       CASE WHEN i % 9 = 4 THEN NULL ELSE 40 + (i * 131 % 1500) / 10.0 END,
       CASE WHEN i % 13 = 5 THEN NULL ELSE date '1990-01-01' + i * 17 % 90 END,
       CASE i % 5 WHEN 3 THEN NULL WHEN 1 THEN false ELSE true END,
       i * 7919 % 100001, 'note ' || i % 6, 'secret ' || i
  FROM generate_series(1, 3) AS i;
-- Searched for by TestCanary: nobody else may ever see these four values.
INSERT INTO trial_planted VALUES (770077007, 'm', 50, 'Xanaryville', 77.7, '1990-02-02', true, 918273645546372819, 'canary-note-5e1f7c', 'canary-secret-9b2d4e');
CREATE TABLE trial_sites (pid bigint, region text, grade smallint, cost numeric(8,2), seen timestamp, flag boolean);
INSERT INTO trial_sites
SELECT 1000 + i % 90, (ARRAY['east', 'north', 'west'])[1 + (i + 0) % 3],
       CASE WHEN i % 8 = 1 THEN NULL ELSE 1 + i * 5 % 3 END,
       CASE WHEN i % 6 = 2 THEN NULL ELSE (i * 7919 % 1099999) / 100.0 - 1000 END,
       timestamp '2024-02-20 00:00' + i * interval '2 hours 7 minutes 3.25 seconds', i % 3 = 0
  FROM generate_series(1, 180) AS i;
