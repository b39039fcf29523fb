# What R programs on DBI and RPostgreSQL do.
suppressMessages({ library(DBI); library(RPostgreSQL); library(dplyr, warn.conflicts = FALSE) })
gateway <- Sys.getenv("C2D_SERVER") == "gateway"
cat("v\tRPostgreSQL ", as.character(packageVersion("RPostgreSQL")), ", dbplyr ", as.character(packageVersion("dbplyr")), "\n", sep = "")
db <- dbConnect(PostgreSQL(), host = Sys.getenv("PGHOST"), port = as.integer(Sys.getenv("PGPORT")), user = Sys.getenv("PGUSER"),
                password = Sys.getenv("PGPASSWORD"), dbname = Sys.getenv("PGDATABASE"))

line <- function(v) gsub("\t", "\\t", gsub("\n", "\\n", gsub("\\", "\\\\", paste(v, collapse = " "), fixed = TRUE), fixed = TRUE), fixed = TRUE)

# Prints what both servers must answer alike; an error is an answer too.
same <- function(name, step) {
  value <- tryCatch(deparse(step()), error = function(e) paste("error", conditionMessage(e)))
  cat("=\t", line(name), "\t", line(value), "\n", sep = "")
}
holds <- function(name, step) {
  got <- tryCatch(step(), error = function(e) conditionMessage(e))
  if (isTRUE(got)) cat("+\t", line(name), "\n", sep = "") else cat("-\t", line(name), "\t", line(got), "\n", sep = "")
}
ask <- function(sql) {
  frame <- suppressWarnings(dbGetQuery(db, sql))
  if (is.null(frame)) stop(dbGetException(db)$errorMsg)
  frame
}
parts <- "SELECT city, sex, count(*) AS n, avg(weight) AS weight FROM people GROUP BY city, sex ORDER BY 1, 2"
for (sql in c("SELECT count(*) FROM people", parts, "SELECT region, grade, sum(cost) FROM sites GROUP BY 1, 2 ORDER BY 1, 2",
              "SELECT date_trunc('month', born) AS month, count(*) FROM people GROUP BY 1 ORDER BY 1", "SELECT born, active, count(*) FROM people WHERE born < '1990-01-05' GROUP BY 1, 2 ORDER BY 1, 2",
              "SELECT count(*) FROM people WHERE nothing", "SELECT count(*) FROM nowhere", "SELEC 1",
              "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2")) local({
  text <- sql
  same(text, function() ask(text))
})
same("dbListTables", function() sort(setdiff(grep("^made_up", dbListTables(db), invert = TRUE, value = TRUE), c("callback", "budget", "columns", "history", "last", "studies", "tables"))))
same("dbExistsTable", function() c(dbExistsTable(db, "people"), dbExistsTable(db, "nothing"), dbExistsTable(db, c("public", "sites"))))
for (table in c("people", "sites", "stays", "visits")) local({
  name <- table
  same(paste("dbListFields", name), function() dbListFields(db, name))
})
same("dbColumnInfo", function() { r <- dbSendQuery(db, parts); on.exit(dbClearResult(r)); dbColumnInfo(r) })
same("fetch in pieces", function() {
  r <- dbSendQuery(db, parts)
  on.exit(dbClearResult(r))
  list(fetch(r, n = 2), fetch(r, n = 3), dbHasCompleted(r), fetch(r, n = -1), dbHasCompleted(r), dbGetRowCount(r))
})
same("transaction", function() { dbBegin(db); on.exit(dbRollback(db)); ask("SELECT count(*) FROM people") })
same("parameters", function() suppressWarnings(dbGetQuery(db, "SELECT count(*) FROM people WHERE age >= $1 AND sex = $2", list(20, "f"))))
same("cursor", function() {
  dbBegin(db)
  on.exit(dbRollback(db))
  dbExecute(db, paste("DECLARE c SCROLL CURSOR FOR", parts))
  list(ask("FETCH 2 FROM c"), ask("FETCH PRIOR FROM c"), ask("FETCH LAST FROM c"))
})
same("types", function() ask("SELECT true AS a, 1::int2 AS b, 2 AS c, 3::int8 AS d, 1.5::float4 AS e, 2.5::float8 AS f, 12.50::numeric(6,2) AS g, 'x'::text AS h, date '2024-02-29' AS i, timestamp '2024-02-29 12:34:56.5' AS j, '{1,2}'::int[] AS k, NULL::text AS l"))
same("dbGetStatement, dbGetInfo", function() { r <- dbSendQuery(db, parts); on.exit(dbClearResult(r)); list(dbGetStatement(r), dbListResults(db)[[1]] |> class() |> as.character(), dbGetInfo(r)$fields) })
same("names in quotes", function() dbQuoteIdentifier(db, "a b")@.Data)
same("info", function() { i <- dbGetInfo(db); i[c("user", "dbname", "serverVersion", "protocolVersion")] })
people <- suppressWarnings(tbl(db, "people"))
tidy <- function(query) as.list(suppressWarnings(collect(query)))
same("dbplyr columns", function() colnames(people))
same("dbplyr count", function() tidy(people |> count(sex) |> arrange(sex)))
same("dbplyr summarise", function() tidy(people |> filter(age >= 30, city %in% c("Delft", "Leiden")) |> group_by(city, sex) |> summarise(n = n(), weight = mean(weight, na.rm = TRUE), total = sum(income, na.rm = TRUE), .groups = "drop") |> arrange(city, sex)))
same("dbplyr mutate", function() tidy(people |> mutate(old = age >= 50) |> group_by(old) |> summarise(n = n()) |> arrange(old)))
same("dbplyr case", function() tidy(people |> summarise(f = sum(if_else(sex == "f", 1L, 0L), na.rm = TRUE))))
same("dbplyr join", function() tidy(people |> inner_join(suppressWarnings(tbl(db, "visits")), by = "id") |> group_by(sex) |> summarise(n = n()) |> arrange(sex)))
same("dbplyr SQL", function() tidy(tbl(db, sql("SELECT city, count(*) AS n FROM people GROUP BY city")) |> arrange(city)))
same("dbplyr head of an aggregate", function() tidy(people |> count(city) |> arrange(desc(n), city) |> head(3)))
same("dbplyr pull", function() suppressWarnings(people |> summarise(n = n()) |> pull(n)))
if (gateway) {
  refused <- function(sql, state) holds(paste("refused", sql), function() {
    answer <- suppressWarnings(tryCatch(dbGetQuery(db, sql), error = function(e) NULL))
    error <- dbGetException(db)$errorMsg
    if (is.null(answer) && grepl(state, error)) TRUE else paste(answer, error)
  })
  refused("SELECT * FROM people", "rows are not released")
  refused("SELECT min(age) FROM people", "min has no form")
  refused("DELETE FROM people", "read-only")
  for (view in c("budget", "last", "history", "studies", "tables", "columns")) local({
    name <- view
    holds(paste0("c2d.", name), function() ncol(ask(paste0("SELECT * FROM c2d.", name))) > 1)
  })
  holds("explain", function() any(grepl("people", ask("EXPLAIN SELECT count(*) FROM people WHERE age > 3")[[1]])))
}
invisible(dbDisconnect(db))
