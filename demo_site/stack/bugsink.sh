# What Bugsink's image does at its start, and the project of the running log before it serves.
set -e
bugsink-manage migrate snappea --database=snappea --verbosity=0
bugsink-manage migrate --verbosity=0
bugsink-manage prestart
bugsink-manage shell -c "$(cat /stack/files/bugsink_project.py)"
exec monofy gunicorn --config gunicorn.docker.conf.py --bind=0.0.0.0:8000 bugsink.wsgi "|||" bugsink-runsnappea
