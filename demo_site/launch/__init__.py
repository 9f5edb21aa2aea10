"""What ``run.py`` is made of. The standard library only: it runs before anything is installed."""
