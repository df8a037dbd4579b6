"""Orders."""

from alembic import op

revision = "a1"
down_revision = None


def upgrade():
    op.execute("create table orders (id bigint primary key)")


def downgrade():
    op.execute("drop table orders")
