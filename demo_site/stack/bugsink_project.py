# Run by Bugsink's own `shell`: a project whose key we know beforehand, since the site's DSN has it.
import os
import uuid

from django.contrib.auth import get_user_model
from projects.models import Project, ProjectMembership

project, _ = Project.objects.get_or_create(
    sentry_key=uuid.UUID(os.environ["PROJECT_KEY"]), defaults={"name": "running log"}
)
if project.id != 1:
    raise SystemExit(f"The project of the running log is number {project.id}, and the site's DSN says 1.")
for user in get_user_model().objects.all():
    ProjectMembership.objects.get_or_create(
        project=project, user=user, defaults={"role": 1, "accepted": True, "send_email_alerts": False}
    )
