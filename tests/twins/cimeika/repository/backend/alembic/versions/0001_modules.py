"""0001_modules"""

revision = "0001_modules"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    """The tables are made by the database's own script."""


def downgrade():
    """Nothing to undo."""
