"""when a run was brought in from a bundle"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("run", sa.Column("imported", sa.DateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("run", "imported")
