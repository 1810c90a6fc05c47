import io
import os

from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
application = get_wsgi_application()
# Half-set configuration stops the server here, with a hint, and not somebody's first click.
call_command("check", stdout=io.StringIO())
