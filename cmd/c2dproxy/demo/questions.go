package demo

// question is one stop of the tour.
type question struct {
	title   string
	study   string
	login   string // mia asks under dp; rosa holds exact grants in breast; tom has little budget left
	epsilon string // SET c2d.epsilon; empty: the policy's default
	sql     string
	refusal string // SQLSTATE of a refusal that is meant
	plain   bool   // a statement that no party computes: no exact answer to compare with
}

// questions in the order of the tour. A refusal that is meant counts as answered.
var questions = []question{
	{
		title: "Women and men with a heart attack: the clinic's patients, the registry's events",
		study: "liver", login: "mia", epsilon: "1",
		sql: `SELECT p.male, count(DISTINCT p.id) AS persons
  FROM patients p JOIN events e ON e.id = p.id
 WHERE e.event = 'MI'
 GROUP BY p.male ORDER BY p.male`,
	},
	{
		title: "Mean systolic pressure of diabetics: the laboratory's measurements, the registry's events",
		study: "liver", login: "mia", epsilon: "1",
		sql: `SELECT avg(m.value) AS systolic
  FROM measurements m JOIN events e USING (id)
 WHERE m.test = 'sbp' AND e.event = 'diabetes'`,
	},
	{
		title: "Body mass index by outcome",
		study: "liver", login: "mia", epsilon: "1",
		sql: `SELECT e.event, count(DISTINCT p.id) AS persons, avg(p.bmi) AS bmi
  FROM patients p JOIN events e USING (id)
 GROUP BY e.event ORDER BY bmi DESC`,
	},
	{
		title: "What a question costs, before asking it",
		study: "liver", login: "mia", plain: true,
		sql: `EXPLAIN SELECT p.male, count(DISTINCT p.id)
  FROM patients p JOIN events e ON e.id = p.id
 WHERE e.event = 'MI' GROUP BY p.male`,
	},
	{
		title: "Rows of persons are refused",
		study: "liver", login: "mia", refusal: "ZD001",
		sql: `SELECT * FROM patients LIMIT 5`,
	},
	{
		title: "Two hospitals' breast cancer patients as one table: nodes and survival by grade",
		study: "breast", login: "mia", epsilon: "1",
		sql: `SELECT grade, count(*) AS patients, avg(nodes) AS nodes
  FROM cohort GROUP BY grade ORDER BY grade`,
	},
	{
		title: "The same table for an analyst whom both hospitals trust with exact cells of ten patients or more",
		study: "breast", login: "rosa",
		sql: `SELECT width_bucket(age, 20, 90, 7) AS decade, count(*) AS patients, round(avg(nodes), 1) AS nodes
  FROM cohort WHERE hormon
 GROUP BY decade HAVING count(*) >= 20 ORDER BY decade`,
	},
	{
		title: "Boston, April 2013: cases a day and mechanism at three trauma centers",
		study: "trauma", login: "mia", epsilon: "1",
		sql: `SELECT date_trunc('day', arrived_at)::date AS day, mechanism, count(*) AS cases
  FROM cases
 WHERE arrived_at >= '2013-04-13' AND arrived_at < '2013-04-18'
 GROUP BY date_trunc('day', arrived_at), mechanism
HAVING count(*) > 20 ORDER BY 1, 3 DESC`,
	},
	{
		title: "Distinct patients over centers that share patients are refused, with the reason",
		study: "trauma", login: "mia", refusal: "ZD007",
		sql: `SELECT count(DISTINCT patient_id) FROM cases WHERE mechanism = 'blast'`,
	},
	{
		title: "What is left",
		study: "liver", login: "mia", plain: true,
		sql: `SELECT owner, source, epsilon_total, epsilon_spent, epsilon_left FROM c2d.budget ORDER BY owner, source`,
	},
	{
		title: "Tom may spend ε = 0.4 in all; his first question",
		study: "liver", login: "tom", epsilon: "0.3",
		sql: `SELECT count(*) FROM patients WHERE male`,
	},
	{
		title: "An exhausted budget: his second",
		study: "liver", login: "tom", epsilon: "0.3", refusal: "ZD010",
		sql: `SELECT count(*) FROM patients WHERE died`,
	},
}
