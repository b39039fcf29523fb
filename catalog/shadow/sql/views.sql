-- What analysts read. Views ask the gateway; tables are written once from the study's declarations.
CREATE VIEW c2d.budget AS
SELECT r[1]::text AS owner, r[2]::text AS source, r[3]::numeric AS epsilon_total,
       r[4]::numeric AS epsilon_spent, r[5]::numeric AS epsilon_left,
       r[6]::bigint AS default_questions_left, r[7]::boolean AS table_cap_open
FROM c2d.view('budget') AS r;
COMMENT ON VIEW c2d.budget IS 'Your privacy budget at each owner';
COMMENT ON COLUMN c2d.budget.owner IS 'institution that keeps this budget';
COMMENT ON COLUMN c2d.budget.source IS 'protected source at the owner; tables over one source spend one budget';
COMMENT ON COLUMN c2d.budget.epsilon_total IS 'epsilon that the owner granted you in total';
COMMENT ON COLUMN c2d.budget.epsilon_spent IS 'epsilon that your questions have used';
COMMENT ON COLUMN c2d.budget.epsilon_left IS 'epsilon that is left';
COMMENT ON COLUMN c2d.budget.default_questions_left IS 'questions left at the default epsilon';
COMMENT ON COLUMN c2d.budget.table_cap_open IS 'false: the cap over all analysts would refuse your next default question';

CREATE VIEW c2d.last AS
SELECT r[1]::text AS owner, r[2]::numeric AS epsilon, r[3]::text AS column_name, r[4]::numeric AS half_width,
       r[5]::text AS bounding, r[6]::boolean AS cached, r[7]::text AS execution, r[8]::text AS mode,
       r[9]::numeric AS live_epsilon
FROM c2d.view('last') AS r;
COMMENT ON VIEW c2d.last IS 'Your last answer: one row for each owner, then one row for each output column';
COMMENT ON COLUMN c2d.last.owner IS 'owner that was charged; NULL in rows about a column';
COMMENT ON COLUMN c2d.last.epsilon IS 'epsilon charged at the owner';
COMMENT ON COLUMN c2d.last.column_name IS 'output column; NULL in rows about an owner';
COMMENT ON COLUMN c2d.last.half_width IS 'half of the 95 % interval of the noise, in units of the column';
COMMENT ON COLUMN c2d.last.bounding IS 'how contributions were bounded before noise was added';
COMMENT ON COLUMN c2d.last.cached IS 'true: an earlier answer was repeated at no cost';
COMMENT ON COLUMN c2d.last.execution IS 'number of the execution, the same in every owner''s records; NULL in mode dummy';
COMMENT ON COLUMN c2d.last.mode IS 'live, or dummy: answered from made-up rows, and nobody was asked';
COMMENT ON COLUMN c2d.last.live_epsilon IS 'epsilon that the question costs at the owner in mode live';

CREATE VIEW c2d.history AS
SELECT r[1]::timestamptz AS at, r[2]::text AS statement, r[3]::numeric AS epsilon, r[4]::text AS execution,
       r[5]::text AS outcome
FROM c2d.view('history') AS r;
COMMENT ON VIEW c2d.history IS 'Your questions, newest first';
COMMENT ON COLUMN c2d.history.at IS 'when the question was asked';
COMMENT ON COLUMN c2d.history.statement IS 'its text';
COMMENT ON COLUMN c2d.history.epsilon IS 'most that it cost at one owner; 0 while it runs and where nothing was charged';
COMMENT ON COLUMN c2d.history.execution IS 'number of the execution';
COMMENT ON COLUMN c2d.history.outcome IS 'answered; running; charged, no answer recorded; or not run, nothing charged';

CREATE VIEW c2d.studies AS
SELECT r[1]::text AS study, r[2]::text AS owners, r[1] = current_database() AS connected
FROM c2d.view('studies') AS r;
COMMENT ON VIEW c2d.studies IS 'Studies that you may connect to';
COMMENT ON COLUMN c2d.studies.study IS 'name; connect to it as a database';
COMMENT ON COLUMN c2d.studies.owners IS 'institutions that hold its tables';
COMMENT ON COLUMN c2d.studies.connected IS 'true: this session is connected to it';

CREATE TABLE c2d.tables (
  table_name text NOT NULL, owner text NOT NULL, source text, unit text, unit_kind text, unit_ids text,
  disjoint boolean NOT NULL, bounded boolean NOT NULL, unique_unit boolean NOT NULL, max_rows bigint NOT NULL, max_units bigint NOT NULL,
  groups_per_unit bigint NOT NULL, rows_per_group bigint NOT NULL, citation text, description text,
  PRIMARY KEY (table_name, owner));
COMMENT ON TABLE c2d.tables IS 'Tables of this study: one row for each owner that holds a part';
COMMENT ON COLUMN c2d.tables.owner IS 'institution that holds this part';
COMMENT ON COLUMN c2d.tables.source IS 'protected source at the owner that budgets are kept for';
COMMENT ON COLUMN c2d.tables.unit IS 'column that identifies what is protected';
COMMENT ON COLUMN c2d.tables.unit_kind IS 'what is protected, usually a person';
COMMENT ON COLUMN c2d.tables.unit_ids IS 'shared: equal identifiers at two owners are the same unit; owner-scoped: they are not';
COMMENT ON COLUMN c2d.tables.disjoint IS 'true: the owners declared that no unit is at two of them';
COMMENT ON COLUMN c2d.tables.bounded IS 'true: the owner declared that there are never more units than max_units; joins then need less noise';
COMMENT ON COLUMN c2d.tables.unique_unit IS 'true: at most one row for each unit';
COMMENT ON COLUMN c2d.tables.max_rows IS 'declared bound on rows, not their number';
COMMENT ON COLUMN c2d.tables.max_units IS 'declared bound on units, not their number';
COMMENT ON COLUMN c2d.tables.groups_per_unit IS 'groups that one unit may influence; what exceeds it is not counted';
COMMENT ON COLUMN c2d.tables.rows_per_group IS 'rows of one unit that count in one group';
COMMENT ON COLUMN c2d.tables.citation IS 'how to cite the data';

CREATE TABLE c2d.columns (
  table_name text NOT NULL, column_name text NOT NULL, position integer NOT NULL, data_type text NOT NULL,
  owners text[], nullable boolean NOT NULL, selectable boolean NOT NULL, uses text[], lower_bound text, upper_bound text,
  bounds_by text, domain text[], description text,
  PRIMARY KEY (table_name, column_name));
COMMENT ON TABLE c2d.columns IS 'Columns of this study''s tables and what they may be used for';
COMMENT ON COLUMN c2d.columns.owners IS 'institutions that hold the column';
COMMENT ON COLUMN c2d.columns.selectable IS 'false: only for joins';
COMMENT ON COLUMN c2d.columns.uses IS 'group, filter, aggregate, join';
COMMENT ON COLUMN c2d.columns.lower_bound IS 'values below are raised to it';
COMMENT ON COLUMN c2d.columns.upper_bound IS 'values above are lowered to it';
COMMENT ON COLUMN c2d.columns.bounds_by IS 'bounds that depend on another column';
COMMENT ON COLUMN c2d.columns.domain IS 'declared values; GROUP BY returns each of them';
