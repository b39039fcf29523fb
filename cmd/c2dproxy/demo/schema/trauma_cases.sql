CREATE TABLE trauma_cases (
	case_id integer PRIMARY KEY, patient_id integer NOT NULL, arrived_at timestamp NOT NULL,
	mechanism text NOT NULL, iss integer NOT NULL, disposition text NOT NULL
);
