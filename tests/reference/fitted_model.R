# What R says of fitted models, for tests/mixed (margins, type three tests, comparisons, R2, profile intervals):
#   Rscript fitted_model.R      writes fitted_model_data.csv, fitted_model.csv
suppressPackageStartupMessages({library(lme4); library(lmerTest); library(emmeans); library(pbkrtest); library(car)})
emm_options(opt.digits = FALSE)
set.seed(20)
patients <- data.frame(id = sprintf("p%02d", 1:48), arm = sample(c("a", "b", "c"), 48, TRUE, c(.45, .35, .2)),
  sex = sample(c("f", "m"), 48, TRUE, c(.8, .2)), age = round(rnorm(48, 40, 12)),
  centre = sample(sprintf("c%d", 1:6), 48, TRUE))
d <- merge(patients, data.frame(month = c(0, 3, 6, 12)))
d <- d[order(d$id, d$month), ]
d <- d[!(runif(nrow(d)) < .22 & d$month > 0), ]
b0 <- rnorm(48, 0, 1.1); b1 <- rnorm(48, 0, .12)
i <- as.integer(factor(d$id))
d$score <- round(5 + .03 * (d$age - 40) + .8 * (d$arm == "b") + .1 * d$month * (d$arm == "c") - .5 * (d$sex == "m") +
  b0[i] + b1[i] * d$month + rnorm(nrow(d), 0, .9), 3)
d$visit <- paste0("M", sprintf("%02d", d$month))
write.csv(d, "fitted_model_data.csv", row.names = FALSE, quote = FALSE)
d$arm <- factor(d$arm); d$visit <- factor(d$visit); d$sex <- factor(d$sex)

out <- data.frame(section = character(), row = character(), column = character(), value = numeric())
add <- function(section, table, rows) {
  for (k in names(table)) out <<- rbind(out, data.frame(section, row = rows, column = k, value = as.numeric(table[[k]])))
}
# Columns of emmeans in our words
emm <- function(section, object, infer = TRUE, ...) {
  s <- as.data.frame(summary(object, infer = c(TRUE, infer), ...))
  id <- setdiff(names(s), c("emmean", "estimate", "month.trend", "SE", "df", "lower.CL", "upper.CL", "t.ratio", "p.value"))
  rows <- gsub(" ", "", do.call(paste, c(lapply(s[id], as.character), sep = "|")))
  value <- s[[intersect(c("emmean", "estimate", "month.trend"), names(s))[1]]]
  add(section, list(estimate = value, se = s$SE, df = s$df, ci_low = s$lower.CL, ci_high = s$upper.CL), rows)
  if (infer) add(section, list(t = s$t.ratio, p_value = s$p.value), rows)
}
all_of <- function(name, fit, mode) {
  m <- emmeans(fit, ~ arm * visit, lmer.df = mode)
  emm(paste0(name, " cells"), m, FALSE)
  v <- emmeans(fit, ~ visit, lmer.df = mode)
  emm(paste0(name, " visit"), v, FALSE)
  for (a in c("none", "holm", "tukey")) emm(paste(name, "visit pairs", a), pairs(v), adjust = a)
  emm(paste0(name, " arm pairs by visit tukey"), pairs(emmeans(fit, ~ arm | visit, lmer.df = mode)), adjust = "tukey")
  emm(paste0(name, " arm at"), emmeans(fit, ~ arm, at = list(age = 60, visit = c("M06", "M12")), lmer.df = mode), FALSE)
}
ols <- lm(score ~ arm * visit + sex + age, d)
all_of("ols", ols, "satterthwaite")
line <- lm(score ~ arm * month + I(month^2) + sex + age, d)
# The step of emtrends is a forward difference: a small one comes near the derivative
emm("line slopes", emtrends(line, ~ arm, var = "month", delta.var = 1e-6))
emm("line slopes at 3", emtrends(line, ~ arm, var = "month", at = list(month = 3), delta.var = 1e-6))
emm("line slope pairs tukey", pairs(emtrends(line, ~ arm, var = "month", delta.var = 1e-6)), adjust = "tukey")
# Observed weights: every row set to the level, predictions averaged
for (a in levels(d$arm)) add("ols observed", list(estimate = mean(predict(ols, transform(d, arm = a)))), a)

sums <- options(contrasts = c("contr.sum", "contr.poly"))
t3 <- Anova(lm(score ~ arm * visit + sex + age, d), type = 3)
keep <- setdiff(rownames(t3), c("(Intercept)", "Residuals"))
add("ols type three", list(df_num = t3[keep, "Df"], f = t3[keep, "F value"], p_value = t3[keep, "Pr(>F)"]), keep)
options(sums)

control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10))
fit <- lmer(score ~ arm * visit + sex + age + (1 | id), d, control = control)
all_of("satterthwaite", fit, "satterthwaite")
all_of("kenward-roger", fit, "kenward-roger")
j <- as.data.frame(joint_tests(emmeans(fit, ~ arm * visit, lmer.df = "satterthwaite"), by = "visit"))
add("satterthwaite arm by visit joint", list(df_num = j$df1, df_den = j$df2, f = j$F.ratio, p_value = j$p.value), as.character(j$visit))
slope <- lmer(score ~ arm * month + sex + age + (1 + month | id), d, control = control)
emm("slopes satterthwaite", emtrends(slope, ~ arm, var = "month", lmer.df = "satterthwaite"))
emm("slopes kenward-roger", emtrends(slope, ~ arm, var = "month", lmer.df = "kenward-roger"))
for (dd in c("Satterthwaite", "Kenward-Roger")) for (which in c("fit", "slope")) {
  a <- anova(get(which), type = 3, ddf = dd)
  add(paste(which, "type three", tolower(dd)), list(df_num = a$NumDF, df_den = a$DenDF, f = a$`F value`, p_value = a$`Pr(>F)`), rownames(a))
}
both <- lmer(score ~ arm * month + sex + age + (1 | centre) + (1 | id), d, control = control)
r <- ranova(both)
add("ranova both", list(log_likelihood = r$logLik, statistic = r$LRT, df = r$Df, p_naive = r$`Pr(>Chisq)`), gsub(" ", "", rownames(r)))
r <- ranova(slope)
add("ranova", list(log_likelihood = r$logLik, statistic = r$LRT, df = r$Df, p_naive = r$`Pr(>Chisq)`), gsub(" ", "", rownames(r)))

ml <- update(slope, REML = FALSE)
small <- update(ml, . ~ . - arm:month)
a <- anova(small, ml)
add("fixed comparison", list(statistic = a$Chisq[2], df = a$Df[2], p_value = a$`Pr(>Chisq)`[2]), "arm:month")

# Predictions: fixed effects alone, and with the patient's own
new <- data.frame(id = c("p01", "p02"), arm = c("a", "c"), sex = "f", age = 50, month = c(6, 12))
add("predictions", list(population = predict(slope, new, re.form = NA), patient = predict(slope, new)), new$id)

# R2: Nakagawa and Schielzeth 2013, Johnson 2014
r2 <- function(f) {
  vf <- var(as.vector(fixef(f) %*% t(model.matrix(f)))); n <- nrow(model.frame(f))
  vr <- sum(sapply(VarCorr(f), function(s) { z <- as.matrix(model.matrix(f)[, colnames(s), drop = FALSE]); sum(rowSums((z %*% s) * z)) / n }))
  ve <- sigma(f)^2
  c(marginal = vf / (vf + vr + ve), conditional = (vf + vr) / (vf + vr + ve))
}
for (w in c("fit", "slope")) add("r2", as.list(r2(get(w))), w)

# Profiles
p <- confint(slope, method = "profile", oldNames = FALSE, quiet = TRUE)
add("profile slope", list(ci_low = p[, 1], ci_high = p[, 2]), gsub(" ", "", rownames(p)))
p <- confint(fit, method = "profile", oldNames = FALSE, quiet = TRUE)
add("profile fit", list(ci_low = p[, 1], ci_high = p[, 2]), gsub(" ", "", rownames(p)))

# Bootstrap comparison of time by arm in the first 20 patients, where the chi-square is off
few <- d[d$id %in% sprintf("p%02d", 1:20), ]
large <- lmer(score ~ arm * visit + (1 | id), few, REML = FALSE); small <- lmer(score ~ arm + visit + (1 | id), few, REML = FALSE)
pb <- PBmodcomp(large, small, nsim = 4000, seed = 1)
add("bootstrap comparison", list(statistic = pb$LRTstat[["tobs"]], df = pb$LRTstat[["df"]], p_chi2 = pb$test$p.value[1], p_bootstrap = pb$test$p.value[2]), "arm:visit")
# lme4's own bootstrap refits with refit(), which does not reproduce lmer(): full calls here
set.seed(3)
b <- sapply(simulate(slope, 1000), function(y) {
  f <- suppressMessages(suppressWarnings(lmer(y ~ arm * month + sex + age + (1 + month | id), d)))
  c(setNames(as.data.frame(VarCorr(f))$sdcor, c("sd Intercept", "sd month", "cor", "sigma")), fixef(f))
})
q <- t(apply(b, 1, quantile, c(.025, .975), na.rm = TRUE))
add("bootstrap slope", list(ci_low = q[, 1], ci_high = q[, 2]), rownames(q))

versions <- sapply(c("lme4", "lmerTest", "emmeans", "pbkrtest", "car"), function(x) as.character(packageVersion(x)))
writeLines(c(paste0("# R ", getRversion(), "; ", paste(names(versions), versions, collapse = ", ")), "section,row,column,value",
  sprintf("%s,%s,%s,%.15g", out$section, gsub(",", ";", out$row), out$column, out$value)), "fitted_model.csv")
