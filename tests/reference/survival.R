# Curves and Cox models by survival, for tests/performance/test_survival.py and test_cox.py:  Rscript survival.R
# writes survival_data.csv, survival_curves.csv, survival_cox.csv beside it.
suppressPackageStartupMessages(library(survival))
set.seed(20160911)
n <- 90
x <- rnorm(n)
high <- as.integer(x > 0.3)
z <- round(rnorm(n), 2)
t1 <- rexp(n, exp(0.7 * x) / 300); t2 <- rexp(n, 1 / 1200); c0 <- runif(n, 60, 500)
time <- ceiling(pmin(t1, t2, c0) / 7) * 7
event <- ifelse(t1 < pmin(t2, c0), 1, ifelse(t2 < c0, 2, 0))
d <- data.frame(time, event, high, z, patient = rep(1:30, each = 3))
write.csv(d, "survival_data.csv", row.names = FALSE)

at <- c(56, 140, 280)
km <- summary(survfit(Surv(time, event == 1) ~ high, d, conf.type = "log-log"), times = at)
kc <- summary(survfit(Surv(time, event == 1) ~ high, d, conf.type = "log-log", cluster = patient, robust = TRUE), times = at)
aj <- summary(survfit(Surv(time, factor(event)) ~ high, d, conf.type = "log-log"), times = at)
i <- which(aj$states == "1")
out <- rbind(
  data.frame(kind = "km", group = km$strata, time = km$time, at_risk = km$n.risk, value = km$surv, se = km$std.err, low = km$lower, high = km$upper),
  data.frame(kind = "km_cluster", group = kc$strata, time = kc$time, at_risk = kc$n.risk, value = kc$surv, se = kc$std.err, low = kc$lower, high = kc$upper),
  data.frame(kind = "aj", group = aj$strata, time = aj$time, at_risk = aj$n.risk[, 1], value = aj$pstate[, i], se = aj$std.err[, i], low = NA, high = NA)
)
out$group <- sub("high=", "", out$group)
write.csv(format(out, digits = 15, trim = TRUE), "survival_curves.csv", row.names = FALSE, quote = FALSE)

cox <- do.call(rbind, lapply(c("clustered", "single"), function(k) {
  fit <- if (k == "clustered") coxph(Surv(time, event == 1) ~ high + z, d, ties = "breslow", cluster = patient)
         else coxph(Surv(time, event == 1) ~ high + z, d, ties = "breslow", robust = TRUE)
  s <- summary(fit)$coefficients
  data.frame(kind = k, term = rownames(s), coef = s[, "coef"], se = s[, "robust se"])
}))
write.csv(format(cox, digits = 15, trim = TRUE), "survival_cox.csv", row.names = FALSE, quote = FALSE)
