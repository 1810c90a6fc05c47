import io
import os

from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django = get_wsgi_application()

from phone.door import Door  # noqa: E402  (its models need what the line above has set up)

application = Door(django)
# Half-set configuration stops the server here, with a hint, and not somebody's first click.
call_command("check", stdout=io.StringIO())
