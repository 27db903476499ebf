"""how often a job was begun without finishing a shard; a run's jobs are found by an index"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job", sa.Column("attempts", sa.Integer(), server_default="0", nullable=False))
    op.create_index("ix_job_run_id", "job", ["run_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_job_run_id", table_name="job")
    op.drop_column("job", "attempts")
