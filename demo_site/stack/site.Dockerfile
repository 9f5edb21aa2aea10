FROM python:3.13.16-slim-trixie

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app

COPY pyproject.toml README.md LICENSE ./
COPY djmetrics djmetrics
COPY demo_site/requirements.txt demo_site/requirements.txt
RUN pip install --no-cache-dir ".[opentelemetry,sentry,top]" --requirement demo_site/requirements.txt

# A volume takes its owner over from the folder that it is mounted on first: those of `prepare`.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin runner \
 && mkdir -p /stack/secrets/bugsink /stack/secrets/grafana /stack/secrets/prometheus /stack/secrets/site \
      /stack/grafana /stack/var \
 && chown -R runner:runner /stack

COPY demo_site demo_site
WORKDIR /app/demo_site
USER runner
