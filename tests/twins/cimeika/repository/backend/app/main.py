"""The application."""

from fastapi import FastAPI

from app import settings

app = FastAPI(title="CIMEIKA", version="1.2.0", debug=settings.DEBUG, docs_url="/api/docs", openapi_url="/api/openapi.json")
