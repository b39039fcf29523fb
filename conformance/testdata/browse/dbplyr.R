# dbplyr itself: browsing costs nothing, pipelines are questions. It prints one line a step, and "ok" at the end.
suppressPackageStartupMessages({ library(DBI); library(dplyr, warn.conflicts = FALSE); library(dbplyr, warn.conflicts = FALSE) })
options(rlang_interactive = FALSE)
db <- dbConnect(RPostgreSQL::PostgreSQL(), host = "", port = "", dbname = "", user = "", password = "")
quietly <- function(step) suppressMessages(suppressWarnings(step))
spent <- function() sum(quietly(dbGetQuery(db, "SELECT epsilon_spent FROM c2d.budget"))$epsilon_spent)
must <- function(what, holds) if (!isTRUE(holds)) stop(what, call. = FALSE) else cat(what, "\n")
refused <- function(step) {
  problem <- tryCatch({ quietly(step()); "" }, error = function(e) paste(conditionMessage(e), conditionMessage(e$parent %||% e)))
  grepl("rows are not released", problem)
}
`%||%` <- function(a, b) if (is.null(a)) b else a

start <- spent()
patients <- quietly(tbl(db, "patients"))
events <- quietly(tbl(db, "events"))
must("tbl names the columns", identical(colnames(patients), c("id", "age", "male", "weight", "height", "bmi", "died", "futime")))
must("print is refused", refused(function() capture.output(print(patients))))
must("head is refused", refused(function() collect(head(patients))))
must("collect is refused", refused(function() collect(filter(patients, age > 50))))
must("compute is refused", inherits(try(quietly(compute(patients)), silent = TRUE), "try-error"))
must("distinct is answered", nrow(quietly(collect(distinct(events, event)))) == 10)
must("show_query asks nothing", length(capture.output(quietly(show_query(count(patients, male))))) > 1)
must("browsing costs nothing", spent() == start)

by_sex <- quietly(patients |> filter(age >= 40) |> group_by(male) |> summarise(n = n(), age = mean(age, na.rm = TRUE)) |> collect())
must("summarise is answered", nrow(by_sex) == 2 && all(by_sex$n > 1000) && all(by_sex$age > 40 & by_sex$age < 100))
joined <- quietly(inner_join(patients, events, by = "id") |> filter(event == "MI") |> group_by(male) |>
  summarise(persons = n_distinct(id)) |> collect())
must("inner_join is answered", nrow(joined) == 2 && all(joined$persons > 100))
must("each pipeline is one question at the default of 0.5 for each owner", abs(spent() - start - 1.5) < 1e-9)
invisible(dbDisconnect(db))
cat("ok\n")
