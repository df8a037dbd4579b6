"""The API."""

import os

from fastapi import FastAPI

app = FastAPI(title="Intent Reasoning Engine")
DATABASE_URL = os.environ["DATABASE_URL"]
