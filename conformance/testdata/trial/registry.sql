CREATE TABLE trial_stays (id integer, ward text, days integer, admitted date, urgent boolean);
INSERT INTO trial_stays
SELECT 1 + i * 7 % 160, (ARRAY['A', 'B', NULL, 'C'])[1 + i % 4], CASE WHEN i % 7 = 2 THEN NULL ELSE i * 5 % 31 END,
       date '2023-12-01' + i * 29 % 91, i % 3 = 1
  FROM generate_series(1, 330) AS i;
CREATE TABLE trial_sites (pid bigint, region text, grade smallint, cost numeric(8,2), seen timestamp, flag boolean);
INSERT INTO trial_sites
SELECT 3000 + i % 90, (ARRAY['east', 'north', 'west'])[1 + (i + 2) % 3],
       CASE WHEN i % 8 = 1 THEN NULL ELSE 1 + i * 11 % 3 END,
       CASE WHEN i % 6 = 2 THEN NULL ELSE (i * 7919 % 1099999) / 100.0 - 1000 END,
       timestamp '2024-02-20 00:00' + i * interval '2 hours 7 minutes 3.25 seconds', i % 5 = 0
  FROM generate_series(1, 60) AS i;
