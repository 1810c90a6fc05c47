from __future__ import annotations


def install(app, sandbox):
    @app.get("/")
    def home():
        return "Sandbox"
