# Repeated-measures correlation and one-way ICC of unequal groups in base R, REML in nlme, for
# tests/mixed/test_agreement.py:  Rscript agreement.R  writes agreement_data.csv and agreement.csv beside it.
suppressPackageStartupMessages(library(nlme))
set.seed(20261125)
size <- rep(c(2, 3, 5, 4), 6)
patient <- rep(sprintf("P%02d", seq_along(size)), size)
level <- rep(rnorm(length(size), 0, 1.2), size)
x <- round(rnorm(length(patient)) + level, 3)
y <- round(0.5 * x + rnorm(length(patient)) - 2 * level, 3)
visit <- ave(seq_along(patient), patient, FUN = seq_along)
d <- data.frame(patient, visit, x, y)
write.csv(d, "agreement_data.csv", row.names = FALSE, quote = FALSE)

a <- anova(fit <- lm(y ~ patient + x, d))
sign <- sign(coef(fit)[["x"]])
r <- sign * sqrt(a["x", "Sum Sq"] / (a["x", "Sum Sq"] + a["Residuals", "Sum Sq"]))
df <- a["Residuals", "Df"]
ci <- tanh(atanh(r) + c(-1, 1) * qnorm(0.975) / sqrt(df - 1))

one <- function(d) {  # Donner 1986
  m <- anova(lm(y ~ patient, d))
  n <- table(d$patient); k <- length(n); N <- sum(n)
  n0 <- (N - sum(n^2) / N) / (k - 1)
  f <- m["patient", "Mean Sq"] / m["Residuals", "Mean Sq"]
  icc <- function(f) (f - 1) / (f - 1 + n0)
  c(icc(f), icc(f / qf(0.975, k - 1, N - k)), icc(f / qf(0.025, k - 1, N - k)))
}
pair <- d[d$visit <= 2, ]
v <- as.numeric(VarCorr(lme(y ~ 1, random = ~ 1 | patient, data = pair))[, "Variance"])
out <- rbind(
  data.frame(what = "rmcorr", value = r, low = ci[1], high = ci[2], p_value = a["x", "Pr(>F)"], df = df),
  data.frame(what = "icc", value = one(d)[1], low = one(d)[2], high = one(d)[3], p_value = NA, df = NA),
  data.frame(what = "icc_pairs", value = one(pair)[1], low = one(pair)[2], high = one(pair)[3], p_value = NA, df = NA),
  data.frame(what = "icc_pairs_reml", value = v[1] / sum(v), low = NA, high = NA, p_value = NA, df = NA)
)
write.csv(format(out, digits = 15, trim = TRUE), "agreement.csv", row.names = FALSE, quote = FALSE)
cat(R.version.string, "nlme", format(packageVersion("nlme")), "\n")
