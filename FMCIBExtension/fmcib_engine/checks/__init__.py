"""Are the numbers right: here as stored (`selftest`), and ours as the authors of FMCIB published them (`published`)."""
