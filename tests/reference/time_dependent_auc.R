# Time-dependent AUC by riskRegression, for tests/performance/test_time_dependent.py:  Rscript time_dependent_auc.R
# writes time_dependent_auc_data.csv and time_dependent_auc.csv beside it. Controls include competing events.
suppressPackageStartupMessages({library(survival); library(riskRegression); library(prodlim)})
set.seed(3)
n <- 300
m <- rnorm(n); t1 <- rexp(n, exp(m) / 300); t2 <- rexp(n, 1 / 900); c0 <- rexp(n, 1 / 500)
d <- data.frame(time = pmin(t1, t2, c0), event = ifelse(t1 < pmin(t2, c0), 1, ifelse(t2 < c0, 2, 0)), marker = m)
write.csv(format(d, digits = 17, trim = TRUE), "time_dependent_auc_data.csv", row.names = FALSE, quote = FALSE)
out <- do.call(rbind, lapply(c("competing", "none"), function(kind) {
  dd <- d
  if (kind == "none") dd$event[dd$event == 2] <- 0
  s <- Score(list(m = dd$marker), formula = Hist(time, event) ~ 1, data = dd, times = c(91, 182, 273, 350),
             metrics = "auc", cause = 1, cens.model = "km", se.fit = TRUE, summary = NULL, contrasts = FALSE,
             null.model = FALSE)$AUC$score
  data.frame(kind = kind, time = s$times, auc = s$AUC, se = s$se)
}))
write.csv(format(out, digits = 15, trim = TRUE), "time_dependent_auc.csv", row.names = FALSE, quote = FALSE)
