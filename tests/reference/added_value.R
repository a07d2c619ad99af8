# Added value and paired differences by stats, sandwich, pROC and mice, for tests/performance/test_added_value.py and
# test_paired_differences.py:  Rscript added_value.R  writes added_value_data.csv and added_value.csv beside it.
# Written by R 4.2.2, mice 3.15.0, sandwich 3.0.2, pROC 1.18.0.
suppressPackageStartupMessages({library(mice); library(sandwich); library(pROC)})
set.seed(2)                                                      # positive relative increases in variance below
n <- 110; m <- 5
id <- rep(1:n, each = 4)
base <- 0.7 * rnorm(n)[id] + 0.7 * rnorm(4 * n)
score <- 0.4 * base + 1.2 * rnorm(n)[id] + 0.7 * rnorm(4 * n)
event <- rbinom(4 * n, 1, plogis(-2.6 + 0.6 * base + 0.5 * score))
seen <- ave(event, id, FUN = function(e) cumsum(e) - e) == 0     # a patient leaves at her first event
gap <- runif(4 * n) < 0.40                                       # two fifths of the base predictor drawn anew each time
d <- data.frame(patient = id, event, score = round(score, 4), base = round(base, 4))
for (i in 1:m) d[[paste0("base", i)]] <- round(ifelse(gap, base + 1.2 * rnorm(4 * n), base), 4)
d <- d[seen, ]
write.csv(d, "added_value_data.csv", row.names = FALSE, quote = FALSE)

out <- data.frame()
add <- function(what, value) out <<- rbind(out, data.frame(what, value = as.numeric(value)))
d$s <- as.numeric(scale(d$score)); d$b <- as.numeric(scale(d$base))
full <- glm(event ~ b + s, binomial, d, epsilon = 1e-12)
ctl <- list(epsilon = 1e-12)
lr <- function(small) as.numeric(2 * (logLik(full) - logLik(glm(small, binomial, d, control = ctl))))
add("lr_score", lr(event ~ b)); add("lr_base", lr(event ~ s))
add("p_lr_score", pchisq(lr(event ~ b), 1, lower.tail = FALSE))
# cadjust: patients / (patients - 1), and no other factor.
v <- vcovCL(full, cluster = d$patient, type = "HC0", cadjust = TRUE)
add("coef_score", coef(full)["s"]); add("se_score", sqrt(v["s", "s"]))
add("coef_base", coef(full)["b"]); add("se_base", sqrt(v["b", "b"]))
add("p_wald_score", 2 * pt(-abs(coef(full)["s"] / sqrt(v["s", "s"])), length(unique(d$patient)) - 1))
test <- roc.test(roc(d$event, d$score, direction = "<", quiet = TRUE), roc(d$event, d$base, direction = "<", quiet = TRUE),
                 method = "delong", paired = TRUE)
add("auc_difference", test$estimate[1] - test$estimate[2]); add("auc_difference_p", test$p.value)

# Over the imputations: one scale for all of them.
b <- as.matrix(d[paste0("base", 1:m)]); b <- (b - mean(b)) / sd(as.vector(b))
sets <- lapply(1:m, function(i) data.frame(event = d$event, s = d$s, b = b[, i]))
fits <- lapply(list(event ~ b + s, event ~ b, event ~ s), function(f)
  lapply(sets, function(x) glm(f, binomial, x, control = ctl)))
at <- function(fit, beta) {                                      # log likelihood at given coefficients
  p <- plogis(as.numeric(model.matrix(fit) %*% beta)); sum(dbinom(fit$y, 1, p, log = TRUE)) }
d3 <- function(large, small) {                                   # Meng and Rubin 1992, eq. 2.1 to 2.4, k = 1
  mean_beta <- function(fits) Reduce(`+`, lapply(fits, coef)) / m
  dm <- mean(sapply(1:m, function(i) 2 * (logLik(large[[i]]) - logLik(small[[i]]))))
  dl <- mean(sapply(1:m, function(i) 2 * (at(large[[i]], mean_beta(large)) - at(small[[i]], mean_beta(small)))))
  r <- (m + 1) / (m - 1) * (dm - dl); t <- m - 1
  df <- if (t > 4) 4 + (t - 4) * (1 + (1 - 2 / t) / r)^2 else t * (1 + 1) * (1 + 1 / r)^2 / 2
  c(dl / (1 + r), df, pf(dl / (1 + r), 1, df, lower.tail = FALSE)) }
for (one in c("score", "base")) {
  x <- d3(fits[[1]], fits[[if (one == "score") 2 else 3]])
  add(paste0("d3_", one), x[1]); add(paste0("d3_df_", one), x[2]); add(paste0("d3_p_", one), x[3])
}
# mice estimates the intercept anew at the pooled slopes: close, not equal.
theirs <- D3(as.mira(fits[[1]]), as.mira(fits[[2]]))$result
add("mice_d3_score", theirs[1]); add("mice_d3_df_score", theirs[3])
q <- sapply(fits[[1]], function(f) coef(f)["s"])
u <- sapply(fits[[1]], function(f) vcovCL(f, cluster = d$patient, type = "HC0", cadjust = TRUE)["s", "s"])
rubin <- pool.scalar(q, u, n = length(unique(d$patient)), k = 1)
add("pooled_coef_score", rubin$qbar); add("pooled_se_score", sqrt(rubin$t)); add("pooled_df_score", rubin$df)
nb <- function(p, t) mean(ifelse(p >= t, ifelse(d$event == 1, 1, -t / (1 - t)), 0))
pa <- plogis(-2.2 + 0.6 * d$score); pb <- plogis(-2.2 + 0.6 * d$base)
for (t in c(0.08, 0.15)) {
  g <- ifelse(d$event == 1, 1, -t / (1 - t)) * ((pa >= t) - (pb >= t))
  # The sandwich of a mean is the variance linearised by patient.
  add(paste0("nb_difference_", t), nb(pa, t) - nb(pb, t))
  add(paste0("nb_se_", t), sqrt(vcovCL(lm(g ~ 1), cluster = d$patient, type = "HC0", cadjust = TRUE)))
}
write.csv(transform(out, value = format(value, digits = 15, trim = TRUE, scientific = NA)), "added_value.csv", row.names = FALSE, quote = FALSE)
