"""Django's own test suite, run plain and with djmetrics on, and compared test by test.

``python -m tests.django_suite`` is the command. It proves the architecture's first law, "never change the
host": whatever Django's tests say of Django without djmetrics, they say with it.
"""
