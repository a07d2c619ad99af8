# Made visits.sas7bdat with haven 2.5.1 (no Python library writes the format).
library(haven)
visits <- data.frame(
  NUM_PATIENT = c("01-001", "01-002", "02-001"), VISITE = c("M0", "M3", "M0"),
  DATE_VISITE = as.Date(c("2018-03-01", "2018-06-13", NA)), C3 = c(0.85, NA, 1.25), SLEDAI_TOTAL = c(2, 0, 4)
)
write_sas(visits, "visits.sas7bdat")
