CREATE TABLE trial_visits (id integer, kind text, value numeric(6,1), score double precision, at timestamp, day date, ok boolean, rank smallint);
INSERT INTO trial_visits
SELECT 40 + i * 3 % 130, k,
       CASE WHEN i % 10 = 3 THEN NULL WHEN k = 'sbp' THEN 60 + i * 77 % 2000 / 10.0 WHEN k = 'chol' THEN i * 31 % 500 / 10.0 ELSE 10 + i * 13 % 500 / 10.0 END,
       CASE WHEN i % 4 = 1 THEN NULL ELSE (i * 977 % 801 - 400) / 4.0 END,
       timestamp '2024-02-27' + (i * 31337 % 604799) * interval '1 second', date '2024-02-27' + i * 11 % 7,
       CASE i % 6 WHEN 0 THEN NULL WHEN 1 THEN false ELSE true END, 1 + i % 5
  FROM (SELECT i, (ARRAY['bmi', 'chol', 'sbp'])[1 + i % 3] AS k FROM generate_series(1, 420) AS i) AS s;
CREATE TABLE trial_sites (pid bigint, region text, grade smallint, cost numeric(8,2), seen timestamp, flag boolean);
INSERT INTO trial_sites
SELECT 2000 + i % 90, (ARRAY['east', 'north', 'west'])[1 + (i + 1) % 3],
       CASE WHEN i % 8 = 1 THEN NULL ELSE 1 + i * 7 % 3 END,
       CASE WHEN i % 6 = 2 THEN NULL ELSE (i * 7919 % 1099999) / 100.0 - 1000 END,
       timestamp '2024-02-20 00:00' + i * interval '2 hours 7 minutes 3.25 seconds', i % 2 = 0
  FROM generate_series(1, 150) AS i;
