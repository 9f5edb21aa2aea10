"""What runs inside the process of Django's ``runtests.py``, in both modes."""
