"""gunicorn's configuration of a site that forgot our line."""
