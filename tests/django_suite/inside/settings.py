"""The settings of both modes: Django's ``test_sqlite``, a runner that writes results, real servers."""

import json
import os

from test_sqlite import *  # noqa: F403 - Django's own settings for its suite, in the folder of runtests.py

TEST_RUNNER = "tests.django_suite.inside.runner.RecordingRunner"

# Read by djmetrics only: every hook is on by default.
DJMETRICS = {"EXTRA_EXPORTERS": ["tests.django_suite.inside.counting.CountingExporter"]}

# CACHES and DATABASES, when servers run. Django's cache tests skip the backends that they do not find here.
globals().update(json.loads(os.environ["DJMETRICS_SUITE_SITE"]))
