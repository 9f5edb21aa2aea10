"""Sentry's alert rules, generated."""
