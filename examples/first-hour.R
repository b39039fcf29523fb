# An analyst's first hour, in R. The notebook first-hour.ipynb asks the same and explains more.
#
# A clinic knows the patients of a study of fatty liver disease, a laboratory their measurements, a registry what
# happened to them. Start the demonstration, `bin/c2dproxy demo --keep`, set the PG… variables that it prints, and run
#
#     Rscript examples/first-hour.R
#
# It writes its plots to first-hour.pdf in the current folder.

library(DBI)

# Host, port, study, login and certificate come from PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD, PGSSLMODE, PGSSLROOTCERT.
db <- dbConnect(RPostgreSQL::PostgreSQL(), host = "", port = "", dbname = "", user = "", password = "")

# Returns an answer, or stops with the server's whole message (the driver itself only warns).
ask <- function(sql) {
  answer <- suppressWarnings(dbGetQuery(db, sql))
  if (is.null(answer)) stop(dbGetException(db)$errorMsg, call. = FALSE)
  answer
}
set_epsilon <- function(epsilon) invisible(dbExecute(db, paste("SET c2d.epsilon =", epsilon)))

# Looking around costs nothing: tables, what columns may be used for, the budget at each owner.
print(ask("SELECT table_name, owner, unit_kind, max_units, groups_per_unit, rows_per_group FROM c2d.tables"))
print(ask("SELECT column_name, data_type, uses, lower_bound, upper_bound, domain FROM c2d.columns
            WHERE table_name = 'patients' ORDER BY position"))
before <- ask("SELECT owner, epsilon_total, epsilon_left FROM c2d.budget ORDER BY owner")
print(before)

# Trying a script costs nothing. In mode dummy the whole script runs over made-up rows, and its figures mean nothing; EXPLAIN
# says the error and the cost of a question beforehand.
invisible(dbExecute(db, "SET c2d.mode = 'dummy'"))
trial <- ask("SELECT male, count(*) AS persons, avg(age) AS age FROM patients GROUP BY male ORDER BY male")
invisible(dbExecute(db, "RESET c2d.mode"))
print(trial)
cat(head(ask("EXPLAIN SELECT count(*) FROM patients")[[1]], 2), sep = "\n")

# A first count, at the owner's default of 0.5. The true count is within half_width of it in 95 % of answers.
patients <- ask("SELECT count(*) AS n FROM patients")
half_widths <- function() {
  last <- ask("SELECT column_name, half_width FROM c2d.last WHERE column_name IS NOT NULL")
  setNames(last$half_width, last$column_name)
}
print(patients)
print(half_widths())

# Groups: a person is in one age group only, so all groups together cost as much as one.
set_epsilon(1)
by_age <- ask("SELECT age / 10 * 10 AS decade, count(*) AS n, count(*) FILTER (WHERE died) AS died
                 FROM patients GROUP BY age / 10 ORDER BY decade")
noise <- max(half_widths()) # the same for both
print(by_age)

pdf("first-hour.pdf")
error_bars <- function(at, value, error, ...) {
  plot(at, value, pch = 19, ylim = range(value - error, value + error), ...)
  arrows(at, value - error, at, value + error, angle = 90, code = 3, length = 0.05)
}
large <- by_age[by_age$n >= 200, ]
share <- large$died / large$n
error_bars(large$decade, 100 * share, 100 * (1 + share) * noise / large$n,
           xlab = "age at entry, by decade", ylab = "died during follow-up, %")

# Two owners in one question: sex at the clinic, blood pressure at the laboratory. It costs its epsilon at both.
pressure <- ask("SELECT p.male, count(DISTINCT p.id) AS persons
                   FROM patients p JOIN measurements m USING (id)
                  WHERE m.test = 'sbp' AND m.value >= 140 GROUP BY p.male ORDER BY p.male")
print(half_widths())
print(pressure)

# Averages with error bars: a noisy sum of distances to the middle of the bounds (10 to 60, so 35), and a noisy count.
# An outcome that the registry recorded twice for a person counts once (rows_per_group of events is 1).
set_epsilon(2)
bmi <- ask("SELECT e.event, count(p.bmi) AS n, avg(p.bmi) AS bmi
              FROM patients p JOIN events e USING (id) GROUP BY e.event ORDER BY bmi")
noise <- half_widths()
bmi$error <- (noise[["sum for avg(bmi)"]] + abs(bmi$bmi - 35) * noise[["count(bmi)"]]) / bmi$n
print(bmi, digits = 4)
error_bars(seq_along(bmi$bmi), bmi$bmi, bmi$error, xaxt = "n", xlab = "", ylab = "body mass index, kg/m²")
axis(1, seq_along(bmi$event), bmi$event, las = 2, cex.axis = 0.7)

# A refusal says why, and what to type; it costs nothing. Rows are never released, and value has bounds for one test at a time.
for (sql in c("SELECT * FROM patients LIMIT 10", "SELECT avg(value) FROM measurements")) {
  message <- tryCatch(stop("answered: ", nrow(ask(sql))), error = conditionMessage)
  cat(message, "\n")
}
# Of one person three readings count at most: the mean is one of bounded contributions.
set_epsilon(0.5)
systolic <- ask("SELECT count(value) AS n, avg(value) AS mmhg FROM measurements WHERE test = 'sbp'")
noise <- half_widths()
systolic$error <- (noise[["sum for avg(value)"]] + abs(systolic$mmhg - 155) * noise[["count(value)"]]) / systolic$n
print(systolic)

# What is left. Asking again is a new question at its full price: keep answers, and compute on them as you like.
after <- ask("SELECT owner, epsilon_total, epsilon_left FROM c2d.budget ORDER BY owner")
spent <- setNames(before$epsilon_left - after$epsilon_left, before$owner)
print(spent)
# This hour cost ε = 4.5 at the clinic, 1.5 at the laboratory and 2 at the registry.

invisible(dev.off())
invisible(dbDisconnect(db))
