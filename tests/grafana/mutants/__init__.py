"""Mistakes to plant in boards: each a small change, and the checks that must find it."""

from . import names, queries, sentry, shown, words, wrong

MUTANTS = (*names.MUTANTS, *queries.MUTANTS, *sentry.MUTANTS, *shown.MUTANTS, *words.MUTANTS)
WRONG = wrong.MUTANTS
