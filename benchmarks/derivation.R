# The cv.glmnet loop that benchmarks/derivation.py is timed against: Rscript derivation.R FOLDER
# For each task: rows, inner folds, and the penalties of each alpha, all given. Writes choices.csv and times.csv.
suppressMessages(library(glmnet))
folder <- commandArgs(trailingOnly = TRUE)[1]
at <- function(name) file.path(folder, name)
x <- as.matrix(read.csv(at("x.csv"), header = FALSE))
y <- scan(at("y.csv"), quiet = TRUE)
choices <- NULL
times <- NULL
for (part in c("nested", "bootstrap")) {
  tasks <- readLines(at(paste0(part, ".txt")))
  spent <- 0
  wall <- 0
  for (i in seq_along(tasks)) {
    rows <- scan(at(sprintf("%s_%d_rows.csv", part, i)), quiet = TRUE)
    fold <- scan(at(sprintf("%s_%d_fold.csv", part, i)), quiet = TRUE)
    grids <- as.matrix(read.csv(at(sprintf("%s_%d_lambda.csv", part, i)), header = FALSE))
    alphas <- as.numeric(strsplit(tasks[i], " ")[[1]])
    before <- proc.time()
    least <- Inf
    for (a in seq_along(alphas)) {
      cv <- suppressWarnings(cv.glmnet(x[rows, ], y[rows], family = "binomial", alpha = alphas[a],
                                       lambda = grids[a, ], foldid = fold))
      if (min(cv$cvm) < least) {
        least <- min(cv$cvm)
        chosen <- c(a, which(cv$lambda == cv$lambda.min), which(cv$lambda == cv$lambda.1se))
      }
    }
    after <- proc.time()
    spent <- spent + sum((after - before)[1:2])
    wall <- wall + (after - before)[3]
    choices <- rbind(choices, data.frame(part = part, task = i, alpha = chosen[1], minimum = chosen[2],
                                         one_standard_error = chosen[3]))
  }
  times <- rbind(times, data.frame(part = part, cpu = spent, wall = wall))
}
write.csv(choices, at("choices.csv"), row.names = FALSE, quote = FALSE)
write.csv(times, at("times.csv"), row.names = FALSE, quote = FALSE)
cat(as.character(getRversion()), as.character(packageVersion("glmnet")))
