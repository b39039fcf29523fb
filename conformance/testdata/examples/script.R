# Runs an R script and prints tables that it leaves: script.R SCRIPT NAME...
arguments <- commandArgs(trailingOnly = TRUE)
run <- new.env()
invisible(capture.output(sys.source(arguments[[1]], run)))
for (name in arguments[-1]) {
  cat("#", name, "\n")
  write.csv(get(name, run), row.names = FALSE, na = "")
}
