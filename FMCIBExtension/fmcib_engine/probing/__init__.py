"""Linear heads on features: fitted, judged honestly, and told in words. Not `training`, which trains encoders.

table -> joined -> cohort       a feature table, its own or another's, with labels of a spreadsheet -> rows with an
                                outcome, a group, features
patients                        is it split by patient? What other columns say
lines, span                     what a head computes; the features of few patients, as few numbers
cox, ridge, fit                 likelihoods, maximised; standardise, choose the strength, fit
folds, out_of_fold              whole groups apart; each row told by heads that did not see its group
scores, survival_scores         numbers of those predictions
bootstrap, delong               their intervals, and whether two of them differ
origins, controls, gain,        does it know the disease or the hospital, does it need the tumour, does it add to what
comparison, efficiency          is known, is another encoder better, how many patients does it need
study                           all of these, as one value
sentences, curves, figures,     that value in words, numbers to draw, pictures, a page, files, and as a head
page, files, places, made

Everything here is for research. scikit-learn, lifelines and matplotlib are imported where they are used.
"""
