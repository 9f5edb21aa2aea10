"""What djmetrics adds to a request, beside other ways to measure one: ``python -m tests.benchmarks.overhead``."""
