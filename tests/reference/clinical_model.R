# A clinical model by stats and sandwich, for tests/signature/test_clinical_fit.py:  Rscript clinical_model.R
# writes clinical_model_data.csv and clinical_model.csv beside it. Written by R 4.2.2, sandwich 3.0.2.
library(sandwich)
set.seed(20160911)
n <- 120
id <- rep(1:n, each = 4)
d <- data.frame(patient_id = sprintf("P%03d", id), visit = paste0("M", 3 * rep(0:3, n)),
                sledai = pmin(4, rpois(4 * n, 2)), anti_dsdna = round(exp(2 + rnorm(n)[id] + 0.5 * rnorm(4 * n)), 1),
                c3 = round(0.95 + 0.2 * rnorm(n)[id] + 0.1 * rnorm(4 * n), 2))
d$event <- rbinom(4 * n, 1, with(d, plogis(-2.8 + 0.2 * sledai + 0.3 * (log2(1 + anti_dsdna) - 3) - 1.5 * (c3 - 0.95))))
d <- d[ave(d$event, id, FUN = function(e) cumsum(e) - e) == 0, ]
write.csv(d, "clinical_model_data.csv", row.names = FALSE, quote = FALSE)
fit <- glm(event ~ sledai + log2(1 + anti_dsdna) + c3, binomial, d, control = list(epsilon = 1e-12))
v <- vcovCL(fit, cluster = d$patient_id, type = "HC0", cadjust = TRUE)
out <- data.frame(term = c("intercept", "sledai", "anti_dsdna", "c3"), coef = coef(fit), se = sqrt(diag(v)))
write.csv(format(out, digits = 15, trim = TRUE), "clinical_model.csv", row.names = FALSE, quote = FALSE)
