# CR2 covariance and Satterthwaite degrees of freedom of a mixed model, by clubSandwich.
# Rscript cluster_robust.R   (run in tests/reference; writes cluster_robust_data.csv, cluster_robust.csv, cluster_robust_fit.csv)
suppressMessages({library(lme4); library(clubSandwich)})
set.seed(20160911)
sizes <- rep(c(1, 2, 3, 5, 5, 4), 4)
patient <- rep(seq_along(sizes), sizes)
month <- ave(patient, patient, FUN = function(p) 3 * (seq_along(p) - 1)) + round(runif(length(patient), -0.5, 0.5), 2)
arm <- as.numeric(patient %% 2)
intercept <- rnorm(length(sizes), 0, 0.8)
slope <- rnorm(length(sizes), 0, 0.1)
score <- 1 + 0.3 * arm + intercept[patient] + (0.02 + slope[patient]) * month + rnorm(length(patient), 0, 0.3 + 0.4 * arm)
data <- data.frame(patient, month, arm, score = round(score, 6))
fit <- lmer(score ~ month + arm + month:arm + (1 + month | patient), data,
            control = lmerControl(optCtrl = list(xtol_abs = 1e-10, ftol_abs = 1e-10)))
robust <- coef_test(fit, vcov = "CR2", test = "Satterthwaite")
write.csv(data, "cluster_robust_data.csv", row.names = FALSE)
write.csv(data.frame(term = names(fixef(fit)), estimate = fixef(fit), se = robust$SE, df = robust$df_Satt,
                     p_value = robust$p_Satt), "cluster_robust.csv", row.names = FALSE)
G <- VarCorr(fit)$patient
write.csv(data.frame(name = c("g11", "g21", "g22", "sigma2", "lme4", "clubSandwich"),
                     value = c(format(c(G[1, 1], G[2, 1], G[2, 2], sigma(fit)^2), digits = 15),
                               as.character(packageVersion("lme4")), as.character(packageVersion("clubSandwich")))),
          "cluster_robust_fit.csv", row.names = FALSE)
