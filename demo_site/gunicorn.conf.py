from djmetrics.gunicorn import *
