# The primary result, programmed a second time in base R from the formula alone.
#
#   Rscript primary.R landmarks.csv 0.95
#
# landmarks.csv: patient (a code without meaning), outcome (1 = flare in the window), score (higher = higher risk).
# AUC with the patient as cluster: Obuchowski N (1997) Biometrics 53:567-578. Interval by the delta method on the logit
# scale; p-value of logit(AUC) = 0 with the same standard error.

arguments <- commandArgs(trailingOnly = TRUE)
stopifnot(length(arguments) == 2)
rows <- read.csv(arguments[1], colClasses = c(patient = "character", outcome = "numeric", score = "numeric"))
level <- as.numeric(arguments[2])
stopifnot(!anyNA(rows), all(rows$outcome %in% c(0, 1)), level > 0, level < 1)

x <- rows$score[rows$outcome == 1]
y <- rows$score[rows$outcome == 0]
stopifnot(length(x) > 0, length(y) > 0)

# psi: 1 where the flare row has the higher score, 1/2 where tied.
psi <- outer(x, y, function(a, b) (a > b) + (a == b) / 2)
auc <- mean(psi)
v10 <- rowMeans(psi)
v01 <- colMeans(psi)

# Sums of the centred components by patient; a patient without such a row adds 0.
patients <- unique(rows$patient)
total <- function(values, who) sapply(patients, function(i) sum(values[who == i]))
a <- total(v10 - auc, rows$patient[rows$outcome == 1])
b <- total(v01 - auc, rows$patient[rows$outcome == 0])

I <- length(patients)
I10 <- length(unique(rows$patient[rows$outcome == 1]))
I01 <- length(unique(rows$patient[rows$outcome == 0]))
M <- length(x)
N <- length(y)
s10 <- I10 / ((I10 - 1) * M) * sum(a^2)
s01 <- I01 / ((I01 - 1) * N) * sum(b^2)
s11 <- I / (I - 1) * sum(a * b)
se <- sqrt(s10 / M + s01 / N + 2 * s11 / (M * N))

centre <- log(auc / (1 - auc))
spread <- se / (auc * (1 - auc))
limits <- plogis(centre + c(-1, 1) * qnorm(1 - (1 - level) / 2) * spread)
p <- 2 * pnorm(-abs(centre / spread))

out <- c(value = auc, se = se, ci_low = limits[1], ci_high = limits[2], p_value = p,
         n_patients = I, n_rows = nrow(rows), n_events = M)
cat("quantity,value\n")
cat(sprintf("%s,%.17g\n", names(out), out), sep = "")
