"""Settings of the backend: everything comes from the environment."""

import os

ENVIRONMENT = os.environ["ENVIRONMENT"]
DEBUG = os.environ.get("DEBUG", "false").lower() == "true"
LOG_LEVEL = os.environ.get("LOG_LEVEL", "WARNING")
SECRET_KEY = os.environ["SECRET_KEY"]
CORS_ORIGINS = os.environ["CORS_ORIGINS"].split(",")
POSTGRES_HOST = os.environ["POSTGRES_HOST"]
POSTGRES_PORT = int(os.getenv("POSTGRES_PORT", "5432"))
POSTGRES_DB = os.environ["POSTGRES_DB"]
POSTGRES_USER = os.environ["POSTGRES_USER"]
POSTGRES_PASSWORD = os.environ["POSTGRES_PASSWORD"]
SENTRY_DSN = os.getenv("SENTRY_DSN")
OPENAI_API_KEY = os.getenv("OPENAI_API_KEY")
ANTHROPIC_API_KEY = os.getenv("ANTHROPIC_API_KEY")
