# A panel of 60 genes with one mixed model each, near-singular ones among them, by lmerTest; q values by p.adjust.
# Rscript panel.R   (run in tests/reference; writes panel_data.csv, panel_terms.csv, panel_fits.csv, panel_versions.csv)
suppressMessages(library(lmerTest))
set.seed(65391)
sizes <- rep(c(1, 3, 4, 5, 6, 7, 2, 5), 5)
patient <- rep(seq_along(sizes), sizes)
month <- ave(patient, patient, FUN = function(p) 3 * (seq_along(p) - 1)) + round(runif(length(patient), -0.7, 0.7), 2)
arm <- patient %% 2
data <- data.frame(patient, month, arm)
# Standard deviation of intercept and slope, correlation; residual 0.5. Ten genes of each kind.
kinds <- rbind(c(0.6, 0.06, 0.3), c(0.6, 0.00, 0), c(0.00, 0.06, 0), c(0.5, 0.05, 1), c(0.5, 0.05, -1), c(0.00, 0.00, 0))
genes <- sprintf("g%02d", 1:60)
for (j in 1:60) {
  kind <- kinds[(j - 1) %% 6 + 1, ]
  u <- rnorm(length(sizes))
  v <- kind[3] * u + sqrt(1 - kind[3]^2) * rnorm(length(sizes))
  data[[genes[j]]] <- round(8 + rnorm(1, 0, 0.02) * month + kind[1] * u[patient] + kind[2] * v[patient] * month +
                            rnorm(length(patient), 0, 0.5), 4)
}
write.csv(data, "panel_data.csv", row.names = FALSE, quote = FALSE)
tight <- list(lmerControl(optimizer = "nloptwrap", optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-12, maxeval = 10000),
                          calc.derivs = FALSE),
              lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9, maxfun = 20000), calc.derivs = FALSE))
terms <- fits <- list()
for (random in c("1", "1 + month")) for (gene in genes) {
  formula <- as.formula(sprintf("%s ~ month * arm + (%s | patient)", gene, random))
  both <- lapply(tight, function(control) suppressMessages(suppressWarnings(lmer(formula, data, control = control))))
  fit <- both[[which.max(sapply(both, logLik))]]
  s <- coef(summary(fit))
  terms[[length(terms) + 1]] <- data.frame(random, gene, term = rownames(s), estimate = s[, 1], se = s[, 2],
                                           df = s[, 3], p_value = s[, 5])
  fits[[length(fits) + 1]] <- data.frame(random, gene, log_likelihood = as.numeric(logLik(fit)), sigma = sigma(fit),
                                         theta_min = min(getME(fit, "theta")[if (random == "1") 1 else c(1, 3)]))
}
terms <- do.call(rbind, terms)
family <- ifelse(as.numeric(substr(terms$gene, 2, 3)) <= 20, "modules", "genes")
terms$q_value <- ave(terms$p_value, terms$random, terms$term, family, FUN = function(p) p.adjust(p, "BH"))
number <- function(d) { for (n in names(d)) if (is.numeric(d[[n]])) d[[n]] <- sprintf("%.12g", d[[n]]); d }
write.csv(number(terms), "panel_terms.csv", row.names = FALSE, quote = FALSE)
write.csv(number(do.call(rbind, fits)), "panel_fits.csv", row.names = FALSE, quote = FALSE)
packages <- c("lme4", "lmerTest", "numDeriv")
write.csv(data.frame(name = c("R", packages), version = c(as.character(getRversion()),
          sapply(packages, function(p) as.character(packageVersion(p))))), "panel_versions.csv", row.names = FALSE, quote = FALSE)
