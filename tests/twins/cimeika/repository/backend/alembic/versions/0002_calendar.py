"""0002_calendar"""

revision = "0002_calendar"
down_revision = "0001_modules"
branch_labels = None
depends_on = None


def upgrade():
    """The tables are made by the database's own script."""


def downgrade():
    """Nothing to undo."""
