"""The Celery app and its schedule: what runs, and when."""

import os

from celery import Celery

from portal import file_queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

file_queue.install()
app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

app.conf.beat_schedule = {
    "sweep-due-connections": {"task": "integrations.tasks.sweep", "schedule": 60.0, "options": {"expires": 55}},
    "sweep-policy-changes": {
        "task": "integrations.tasks.sweep_changes",
        "schedule": 60.0,
        "options": {"expires": 55},
    },
    "sweep-revocations": {
        "task": "integrations.tasks.sweep_revocations",
        "schedule": 60.0,
        "options": {"expires": 55},
    },
    "sweep-channels": {"task": "integrations.tasks.sweep_channels", "schedule": 60.0, "options": {"expires": 55}},
    "sweep-meeting-hosts": {"task": "meetings.tasks.sweep_hosts", "schedule": 60.0, "options": {"expires": 55}},
    "sweep-writes": {"task": "meetings.tasks.sweep_writes", "schedule": 60.0, "options": {"expires": 55}},
    "sweep-contact-writes": {"task": "contacts.tasks.sweep_writes", "schedule": 60.0, "options": {"expires": 55}},
    "let-go-of-old-contact-writes": {
        "task": "contacts.tasks.forget_old_rows",
        "schedule": 3600.0,
        "options": {"expires": 3000},
    },
    "let-go-of-old-meetings": {
        "task": "meetings.tasks.forget_old_rows",
        "schedule": 3600.0,
        "options": {"expires": 3000},
    },
    "send-notices": {"task": "integrations.tasks.send_notices", "schedule": 60.0, "options": {"expires": 55}},
    "count-syncs": {"task": "integrations.tasks.count_syncs", "schedule": 300.0, "options": {"expires": 290}},
    "sweep-phone-systems": {"task": "phone.tasks.sweep_systems", "schedule": 60.0, "options": {"expires": 55}},
    "read-phone-events": {"task": "phone.tasks.read_events", "schedule": 60.0, "options": {"expires": 55}},
    "forget-old-phone-events": {
        "task": "phone.tasks.forget_old_events",
        "schedule": 3600.0,
        "options": {"expires": 3000},
    },
    "let-go-of-old-calls": {"task": "phone.tasks.forget_old_rows", "schedule": 3600.0, "options": {"expires": 3000}},
    "forget-old-rows": {"task": "integrations.tasks.forget_old_rows", "schedule": 3600.0, "options": {"expires": 3000}},
    "send-invitations": {"task": "organizations.tasks.send_invitations", "schedule": 60.0, "options": {"expires": 55}},
    "let-go-of-old-events": {
        "task": "organizations.tasks.forget_old_rows",
        "schedule": 3600.0,
        "options": {"expires": 3000},
    },
}
