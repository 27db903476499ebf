"""datasets with their texts, judgements and candidates; saved neuron sets"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dataset",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("queries", sa.Integer(), nullable=False),
        sa.Column("passages", sa.Integer(), nullable=False),
        sa.Column("judgements", sa.Integer(), nullable=False),
        sa.Column("candidates", sa.Integer(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_dataset_hash", "dataset", ["hash"], unique=False)
    rows = (
        ("item", ("kind", "key"), 10, [sa.Column("text", sa.Text(), nullable=False)]),
        ("judgement", ("query", "passage"), 200, [sa.Column("grade", sa.Integer(), nullable=False)]),
        (
            "candidate",
            ("query", "passage"),
            200,
            [sa.Column("rank", sa.Integer(), nullable=False), sa.Column("score", sa.Float(), nullable=False)],
        ),
    )
    for name, keys, first, columns in rows:
        op.create_table(
            name,
            sa.Column("dataset_id", sa.Integer(), nullable=False),
            sa.Column(keys[0], sa.String(length=first), nullable=False),
            sa.Column(keys[1], sa.String(length=200), nullable=False),
            *columns,
            sa.ForeignKeyConstraint(
                ["dataset_id"], ["dataset.id"], name=op.f(f"fk_{name}_dataset_id"), ondelete="CASCADE"
            ),
            sa.PrimaryKeyConstraint("dataset_id", *keys, name=op.f(f"pk_{name}")),
            sqlite_with_rowid=False,
        )
    op.create_table(
        "neuron_set",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("weights_hash", sa.String(length=64), nullable=False),
        sa.Column("preset", sa.String(length=20), nullable=False),
        sa.Column("rule", sa.JSON(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("members", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_neuron_set")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_neuron_set_weights_hash", "neuron_set", ["weights_hash"], unique=False)


def downgrade() -> None:
    op.drop_table("neuron_set")
    for name in ("candidate", "judgement", "item"):
        op.drop_table(name)
    op.drop_table("dataset")
