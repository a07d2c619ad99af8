# A mixed model with a residual variance for each arm, by nlme (lme, varIdent).
# Rscript heteroscedastic.R   (run in tests/reference; reads cluster_robust_data.csv, writes heteroscedastic.csv)
library(nlme)
data <- read.csv("cluster_robust_data.csv")
data$arm_name <- factor(ifelse(data$arm == 1, "b", "a"))
control <- lmeControl(msTol = 1e-12, tolerance = 1e-10, opt = "optim", maxIter = 500, msMaxIter = 500)
rows <- list()
for (method in c("REML", "ML")) {
  fit <- lme(score ~ month + arm, random = ~ 1 | patient, weights = varIdent(form = ~ 1 | arm_name), data,
             method = method, control = control)
  equal <- lme(score ~ month + arm, random = ~ 1 | patient, data, method = method, control = control)
  value <- c(logLik(fit), logLik(equal), coef(fit$modelStruct$varStruct, unconstrained = FALSE), sigma(fit),
             as.numeric(VarCorr(fit)[1, 1]), fixef(fit), sqrt(diag(vcov(fit))))
  limits <- intervals(fit, which = "var-cov")$varStruct
  name <- c("log_likelihood", "equal", "ratio", "sd", "intercept_variance", paste0("b", 0:2), paste0("se", 0:2))
  rows[[method]] <- data.frame(method, name = c(name, "ratio_low", "ratio_high"),
                               value = format(c(value, limits[1, 1], limits[1, 3]), digits = 12, trim = TRUE))
}
rows$versions <- data.frame(method = "nlme", name = "version", value = as.character(packageVersion("nlme")))
write.csv(do.call(rbind, rows), "heteroscedastic.csv", row.names = FALSE)
