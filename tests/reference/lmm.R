# Linear mixed models by lme4, lmerTest and pbkrtest on data simulated here, for tests/mixed/test_lmm.py.
# In tests/reference:  Rscript lmm.R   (writes lmm_data.csv and lmm.csv)
suppressPackageStartupMessages({ library(lme4); library(lmerTest); library(pbkrtest) })
set.seed(20)

# 60 patients of three arms in six centres, irregular visits, dropout; patients of one row stay in.
patients <- function(n, centres, sd, correlation, slope_sd, drop) {
  rows <- do.call(rbind, lapply(seq_len(n), function(i) {
    month <- c(0, 3, 6, 9, 12, 18) + round(runif(6, -0.8, 0.8), 2) * c(0, 1, 1, 1, 1, 1)
    stay <- cumprod(c(1, rbinom(5, 1, 1 - drop)))
    data.frame(patient = sprintf("P%03d", i), centre = letters[1 + i %% centres], arm = c("x", "y", "z")[1 + i %% 3],
               month = month, prednisone = round(rexp(6, 0.1), 1))[stay == 1, ]
  }))
  id <- match(rows$patient, unique(rows$patient))
  u <- rnorm(n); v <- correlation * u + sqrt(1 - correlation^2) * rnorm(n)
  rows$y <- 2 + 0.05 * rows$month + 0.03 * rows$prednisone + 0.04 * rows$month * (rows$arm == "z") +
    sd * u[id] + slope_sd * v[id] * rows$month + rnorm(nrow(rows))
  rows$y <- round(rows$y, 3)
  rows
}
dropout <- patients(60, 6, 1.2, 0.4, 0.1, 0.2)
nested <- patients(90, 9, 0.8, 0, 0.06, 0.1)
nested$y <- round(nested$y + 0.9 * rnorm(9)[match(nested$centre, letters)], 3)
flat <- patients(40, 4, 1, 0, 0, 0.1)          # slopes without variance
zero <- patients(30, 3, 0, 0, 0, 0.1)          # nor intercepts
crossed <- patients(24, 4, 0.9, 0, 0, 0.25)
crossed$plate <- sprintf("plate%d", sample(1:7, nrow(crossed), TRUE))
crossed$y <- round(crossed$y + 0.6 * rnorm(7)[as.integer(substr(crossed$plate, 6, 6))], 3)
sets <- list(dropout = dropout, nested = nested, flat = flat, zero = zero, crossed = crossed)

tight <- lmerControl(optimizer = "bobyqa", calc.derivs = FALSE, optCtrl = list(rhoend = 1e-11, maxfun = 1e6),
                     check.conv.singular = "ignore")
models <- list(
  dropout = list("dropout", y ~ month * arm + prednisone + (1 + month | patient), TRUE),
  dropout_ml = list("dropout", y ~ month * arm + prednisone + (1 + month | patient), FALSE),
  intercept = list("dropout", y ~ month * arm + (1 | patient), TRUE),
  slope_only = list("dropout", y ~ month * arm + (0 + month | patient), TRUE),
  uncorrelated = list("dropout", y ~ month * arm + prednisone + (1 + month || patient), TRUE),
  three = list("dropout", y ~ month * arm + (1 + month + prednisone | patient), TRUE),
  flat = list("flat", y ~ month * arm + (1 + month | patient), TRUE),
  flat_uncorrelated = list("flat", y ~ month * arm + (1 + month || patient), TRUE),
  flat_three = list("flat", y ~ month * arm + (1 + month + prednisone | patient), TRUE),
  zero = list("zero", y ~ month * arm + (1 + month | patient), TRUE),
  nested = list("nested", y ~ month * arm + (1 | centre) + (1 + month | patient), TRUE),
  nested_ml = list("nested", y ~ month * arm + (1 | centre) + (1 + month | patient), FALSE),
  nested_zero = list("flat", y ~ month * arm + (1 | centre) + (1 | patient), TRUE),
  crossed = list("crossed", y ~ month + arm + (1 | patient) + (1 | plate), TRUE)
)

rows <- list()
put <- function(model, quantity, item, value)
  rows[[length(rows) + 1]] <<- data.frame(model = model, quantity = quantity, item = item, value = value)
for (name in names(models)) {
  spec <- models[[name]]
  data <- sets[[spec[[1]]]]
  fit <- lmerTest::lmer(spec[[2]], data, REML = spec[[3]], control = tight)
  beta <- fixef(fit)
  put(name, "log_likelihood", "", as.numeric(logLik(fit)))
  put(name, "aic", "", AIC(fit)); put(name, "bic", "", BIC(fit))
  put(name, "residual_variance", "", sigma(fit)^2)
  put(name, "singular", "", as.numeric(isSingular(fit)))
  put(name, "theta", seq_along(getME(fit, "theta")), getME(fit, "theta"))
  modes <- as.data.frame(ranef(fit, condVar = FALSE))
  modes <- modes[modes$grp %in% c("P001", "P024", "b", "plate3"), ]
  put(name, "mode", paste(modes$grpvar, modes$grp, modes$term), modes$condval)
  put(name, "fitted", c("1", "40"), fitted(fit)[c(1, 40)])
  arms <- diag(length(beta))[grep("arm", names(beta)), ]
  for (ddf in c("Satterthwaite", if (spec[[3]]) "Kenward-Roger")) {
    short <- if (ddf == "Satterthwaite") "s" else "k"
    t <- coef(summary(fit, ddf = ddf))
    for (column in 1:5)
      put(name, paste0(short, c("_estimate", "_se", "_df", "_t", "_p")[column]), rownames(t), t[, column])
    f <- contest(fit, arms, joint = TRUE, ddf = ddf)
    put(name, paste0(short, "_f"), c("statistic", "df_num", "df_den", "p_value"),
        c(f[["F value"]], f$NumDF, f$DenDF, f[["Pr(>F)"]]))
  }
}
put("versions", "", c("R", "lme4", "lmerTest", "pbkrtest"), NA)
out <- do.call(rbind, rows)
text <- ifelse(is.na(out$value), "", sprintf("%.15g", out$value))
versions <- c(paste(R.version$major, R.version$minor, sep = "."),
              sapply(c("lme4", "lmerTest", "pbkrtest"), function(p) as.character(packageVersion(p))))
out$quantity[out$model == "versions"] <- versions
out$value <- text
write.csv(out, "lmm.csv", row.names = FALSE, quote = FALSE)
all <- do.call(rbind, lapply(names(sets), function(s) {
  d <- sets[[s]]
  if (is.null(d$plate)) d$plate <- ""
  cbind(set = s, d[, c("patient", "centre", "plate", "arm", "month", "prednisone", "y")])
}))
write.csv(all, "lmm_data.csv", row.names = FALSE, quote = FALSE)
