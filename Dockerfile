# CPU:   docker build -t golgi .
# CUDA:  docker build -t golgi --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128 .
# Run:   docker run -p 8321:8321 -e GOLGI_TOKEN=... -v golgi:/data golgi
FROM python:3.11-slim AS build
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH
RUN pip install --no-cache-dir --index-url "$TORCH_INDEX" "torch>=2.6,<2.14"
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY app ./app
COPY frontend ./frontend
RUN pip install --no-cache-dir '.[gguf,pdf]'

FROM python:3.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends fonts-dejavu-core && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 10001 golgi && mkdir /data && chown golgi /data
COPY --from=build /venv /venv
COPY --chown=golgi models_cache /models
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HF_HOME=/data/huggingface \
    GOLGI_DATA_DIR=/data \
    GOLGI_MODELS_DIR=/models \
    GOLGI_HOST=0.0.0.0 \
    GOLGI_PORT=8321
USER golgi
VOLUME /data
EXPOSE 8321
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['GOLGI_PORT'] + '/healthz', timeout=4)"]
CMD ["golgi", "serve"]
