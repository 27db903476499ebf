"""The tables. Types are portable to PostgreSQL; arrays are little-endian blobs (``docs/architecture.md`` section 6)."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMES)


def _run() -> "Column[int]":
    return Column("run_id", ForeignKey("run.id", ondelete="CASCADE"), nullable=False)


model = Table(
    "model",
    metadata,
    Column("slug", String(200), primary_key=True),
    Column("card", JSON, nullable=False),
    Column("seen", DateTime, nullable=False),
)
run = Table(
    "run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fingerprint", String(32), nullable=False, unique=True),
    Column("kind", String(40), nullable=False),
    Column("model", String(200), nullable=False),
    Column("method", String(40), nullable=False),
    Column("weights_hash", String(64), nullable=False),
    Column("spec", JSON, nullable=False),
    Column("title", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("created", DateTime, nullable=False),
    Column("finished", DateTime),
    Column("seconds", Float),
    Column("environment", JSON, nullable=False),
    Column("plan", JSON, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("warnings", JSON, nullable=False),
    Column("error", JSON),
    Column("recorded", Boolean, nullable=False),
    Column("imported", DateTime),
    Column("pinned", Boolean, nullable=False),
    Column("deleted", Boolean, nullable=False),
    sqlite_autoincrement=True,
)
run_input = Table(
    "run_input",
    metadata,
    Column("run_id", ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("role", String(40), primary_key=True),
    Column("input_id", ForeignKey("run.id"), nullable=False),
)
array = Table(
    "array",
    metadata,
    Column("id", Integer, primary_key=True),
    _run(),
    Column("group", String(40), nullable=False),
    Column("name", String(40), nullable=False),
    Column("part", String(40), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("layer", Integer, nullable=False),
    Column("n", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("positive", Float, nullable=False),
    Column("negative", Float, nullable=False),
    Column("low", Float, nullable=False),
    Column("high", Float, nullable=False),
    Column("blob_id", ForeignKey("blob.id"), nullable=False),
    UniqueConstraint("run_id", "group", "name", "part", "kind", "layer", name="uq_array_place"),
)
blob = Table(
    "blob",
    metadata,
    Column("id", Integer, primary_key=True),
    _run(),
    Column("bytes", LargeBinary, nullable=False),
    Index("ix_blob_run_id", "run_id"),
)
top_neuron = Table(
    "top_neuron",
    metadata,
    Column("run_id", ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(40), primary_key=True),
    Column("side", String(10), primary_key=True),
    Column("rank", Integer, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("layer", Integer, nullable=False),
    Column("unit", Integer, nullable=False),
    Column("score", Float, nullable=False),
    Index("ix_top_neuron_place", "kind", "layer", "unit"),
)
item_result = Table(
    "item_result",
    metadata,
    Column("run_id", ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("item", Integer, primary_key=True),
    Column("label", String(40), primary_key=True),
    Column("tokens", JSON, nullable=False),
    Column("values", JSON, nullable=False),
    Column("notes", JSON, nullable=False),
)
setting = Table(
    "setting",
    metadata,
    Column("run_id", ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("family", String(20), nullable=False),
    Column("seed", Integer),
    Column("about", JSON, nullable=False),
    Column("members", LargeBinary, nullable=False),
)
response = Table(
    "response",
    metadata,
    Column("run_id", ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("first_item", Integer, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("values", LargeBinary, nullable=False),
)
job = Table(
    "job",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("what", String(20), nullable=False),
    Column("run_id", ForeignKey("run.id", ondelete="CASCADE")),
    Column("lane", String(20), nullable=False),
    Column("state", String(20), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("progress", JSON, nullable=False),
    Column("created", DateTime, nullable=False),
    Column("started", DateTime),
    Column("finished", DateTime),
    Column("worker", String(100)),
    Column("lease", DateTime),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("error", JSON),
    Column("log", JSON, nullable=False),
    Index("ix_job_state", "state", "lane", "id"),
    Index("ix_job_run_id", "run_id"),
    sqlite_autoincrement=True,
)
job_checkpoint = Table(
    "job_checkpoint",
    metadata,
    Column("run_id", ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("shard", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("total", LargeBinary, nullable=False),
)
worker = Table(
    "worker",
    metadata,
    Column("id", String(100), primary_key=True),
    Column("seen", DateTime, nullable=False),
    Column("about", JSON, nullable=False),
)
dataset = Table(
    "dataset",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("queries", Integer, nullable=False),
    Column("passages", Integer, nullable=False),
    Column("judgements", Integer, nullable=False),
    Column("candidates", Integer, nullable=False),
    Column("domain", Text, nullable=False),
    Column("licence", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("report", JSON, nullable=False),
    Column("state", String(20), nullable=False),
    Column("created", DateTime, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Index("ix_dataset_hash", "hash"),
    sqlite_autoincrement=True,
)


def _dataset() -> "Column[int]":
    return Column("dataset_id", ForeignKey("dataset.id", ondelete="CASCADE"), primary_key=True)


item = Table(
    "item",
    metadata,
    _dataset(),
    Column("kind", String(10), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("text", Text, nullable=False),
    sqlite_with_rowid=False,
)
judgement = Table(
    "judgement",
    metadata,
    _dataset(),
    Column("query", String(200), primary_key=True),
    Column("passage", String(200), primary_key=True),
    Column("grade", Integer, nullable=False),
    sqlite_with_rowid=False,
)
candidate = Table(
    "candidate",
    metadata,
    _dataset(),
    Column("query", String(200), primary_key=True),
    Column("passage", String(200), primary_key=True),
    Column("rank", Integer, nullable=False),
    Column("score", Float, nullable=False),
    sqlite_with_rowid=False,
)
neuron_set = Table(
    "neuron_set",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("model", String(200), nullable=False),
    Column("weights_hash", String(64), nullable=False),
    Column("preset", String(20), nullable=False),
    Column("rule", JSON, nullable=False),
    Column("text", Text, nullable=False),
    Column("total", Integer, nullable=False),
    Column("members", Text, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("created", DateTime, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Index("ix_neuron_set_weights_hash", "weights_hash"),
    sqlite_autoincrement=True,
)
question_set = Table(
    "question_set",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("queries", Integer, nullable=False),
    Column("prompts", Integer, nullable=False),
    Column("domains", JSON, nullable=False),
    Column("wordings", Integer, nullable=False),
    Column("choices", Boolean, nullable=False),
    Column("licence", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("report", JSON, nullable=False),
    Column("created", DateTime, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Index("ix_question_set_hash", "hash"),
    Index("ix_question_set_name", "name"),
    sqlite_autoincrement=True,
)
question_query = Table(
    "question_query",
    metadata,
    Column("set_id", ForeignKey("question_set.id", ondelete="CASCADE"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("key", String(200), nullable=False),
    Column("domain", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("wordings", JSON, nullable=False),
    UniqueConstraint("set_id", "key", name="uq_question_query_key"),
)
