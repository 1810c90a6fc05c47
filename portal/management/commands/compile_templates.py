"""Compile every template, so that a typing error is found before a person opens the page."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import get_template


class Command(BaseCommand):
    help = "Compile every template of the project and say which do not."

    def handle(self, *args: Any, **options: Any) -> None:
        count, problems = 0, []
        folders: Any = settings.TEMPLATES[0]["DIRS"]
        for folder in map(Path, folders):
            for path in sorted(p for p in folder.rglob("*") if p.suffix in (".html", ".txt")):
                name = path.relative_to(folder).as_posix()
                count += 1
                try:
                    get_template(name)
                except (TemplateSyntaxError, TemplateDoesNotExist) as error:
                    problems.append(f"{name}: {error}")
        if problems:
            raise CommandError("\n".join(problems))
        self.stdout.write(f"{count} templates compile.")
