# Coefficients and cross-validated deviances of glmnet, at stated penalties: Rscript glmnet.R
# Writes coefficients.csv, deviances.csv and versions.csv. Convergence far below the tolerance of the tests (1e-5).
suppressMessages(library(glmnet))
coefficients <- NULL
deviances <- NULL
for (name in c("plain", "wide", "rare")) {
  data <- read.csv(paste0(name, ".csv"))
  y <- data$event
  x <- as.matrix(data[, -(1:2)])
  for (alpha in c(0.2, 0.5, 1)) {
    full <- glmnet(x, y, family = "binomial", alpha = alpha, nlambda = 5)
    lambda <- full$lambda[1] * 10^seq(0, -2, length.out = 25)
    fit <- glmnet(x, y, family = "binomial", alpha = alpha, lambda = lambda, thresh = 1e-16, maxit = 1e7)
    for (i in c(2, 5, 9, 13, 17, 21)) {
      b <- as.matrix(coef(fit))[, i]
      b <- b[b != 0]
      coefficients <- rbind(coefficients, data.frame(data = name, alpha = alpha,
        lambda = sprintf("%.12g", lambda[i]), term = names(b), value = sprintf("%.10g", b)))
    }
    cv <- cv.glmnet(x, y, family = "binomial", alpha = alpha, lambda = lambda, foldid = data$fold,
                    thresh = 1e-14, maxit = 1e7)
    deviances <- rbind(deviances, data.frame(data = name, alpha = alpha, lambda = sprintf("%.12g", cv$lambda),
      mean = sprintf("%.10g", cv$cvm), se = sprintf("%.10g", cv$cvsd),
      minimum = as.integer(cv$lambda == cv$lambda.min), one_se = as.integer(cv$lambda == cv$lambda.1se)))
  }
}
write.csv(coefficients, "coefficients.csv", row.names = FALSE, quote = FALSE)
write.csv(deviances, "deviances.csv", row.names = FALSE, quote = FALSE)
versions <- c(R = as.character(getRversion()),
              sapply(c("glmnet", "Matrix"), function(p) as.character(packageVersion(p))))
write.csv(data.frame(package = names(versions), version = versions), "versions.csv", row.names = FALSE, quote = FALSE)
