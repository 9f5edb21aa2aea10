"""Mistakes to plant in boards: each a small change, and the checks that must find it."""

from . import names, queries, shown, words, wrong

MUTANTS = (*names.MUTANTS, *queries.MUTANTS, *shown.MUTANTS, *words.MUTANTS)
WRONG = wrong.MUTANTS
