"""The running log's only app: employees and their runs."""
