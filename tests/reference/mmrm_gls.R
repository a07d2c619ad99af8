# Repeated measures by nlme's generalised least squares: every covariance that it can express, REML and ML.
# Rscript mmrm_gls.R   (run in tests/reference; writes mmrm_gls_data.csv, mmrm_gls.csv)
suppressMessages(library(nlme))
set.seed(20190318)
n <- 60
visits <- c(0, 3, 6, 12)
sd <- c(1.0, 1.3, 1.2, 1.9)
R <- matrix(c(1, .6, .5, .2, .6, 1, .7, .4, .5, .7, 1, .5, .2, .4, .5, 1), 4)
L <- t(chol(sd * t(sd * R)))
noise <- t(L %*% matrix(rnorm(4 * n), 4))
data <- data.frame(patient = rep(seq_len(n), each = 4), month = rep(visits, n), slot = rep(1:4, n))
data$arm <- as.numeric(data$patient %% 2)
data$age <- round(rep(rnorm(n, 40, 12), each = 4), 1)
data$score <- round(2 + 0.1 * data$month - 0.4 * data$arm * (data$month > 0) + 0.01 * data$age + as.vector(t(noise)), 6)
# Missing in any pattern, more of them late; two patients keep one visit.
gone <- runif(nrow(data)) < c(0.05, 0.15, 0.2, 0.35)[data$slot]
gone[data$patient == 3] <- c(FALSE, TRUE, TRUE, TRUE)
gone[data$patient == 8] <- c(TRUE, TRUE, FALSE, TRUE)
data <- data[!gone, ]
write.csv(data[c("patient", "month", "arm", "age", "score")], "mmrm_gls_data.csv", row.names = FALSE)
free <- varIdent(form = ~ 1 | month)
models <- list(
  "unstructured" = list(corSymm(form = ~ slot | patient), free),
  "compound symmetry" = list(corCompSymm(form = ~ 1 | patient), NULL),
  "ar1" = list(corAR1(form = ~ slot | patient), NULL),
  "heterogeneous compound symmetry" = list(corCompSymm(form = ~ 1 | patient), free),
  "heterogeneous ar1" = list(corAR1(form = ~ slot | patient), free))
tight <- glsControl(maxIter = 500, msMaxIter = 2000, tolerance = 1e-11, msTol = 1e-13, opt = "nlminb")
out <- NULL
for (name in names(models)) for (how in c("REML", "ML")) {
  fit <- gls(score ~ factor(month) * arm + age, data, correlation = models[[name]][[1]], weights = models[[name]][[2]],
             method = how, control = tight)
  b <- coef(fit)
  # V of a patient with every visit, from nlme's own parts.
  ratio <- rep(1, 4)
  if (!is.null(models[[name]][[2]])) ratio <- coef(fit$modelStruct$varStruct, unconstrained = FALSE, allCoef = TRUE)[as.character(visits)]
  full <- which(table(data$patient) == 4)[1]
  C <- corMatrix(fit$modelStruct$corStruct)[[names(full)]]
  V <- fit$sigma^2 * outer(ratio, ratio) * C
  values <- c(logLik(fit), b, sqrt(diag(vcov(fit))), V[lower.tri(V, diag = TRUE)])
  what <- c("log_likelihood", paste0("estimate:", names(b)), paste0("se:", names(b)), paste0("v", outer(1:4, 1:4, paste0)[lower.tri(V, diag = TRUE)]))
  out <- rbind(out, data.frame(covariance = name, method = how, what, value = format(values, digits = 14, trim = TRUE, scientific = TRUE)))
}
out <- rbind(out, data.frame(covariance = "", method = "", what = "nlme", value = as.character(packageVersion("nlme"))))
write.csv(out, "mmrm_gls.csv", row.names = FALSE)
