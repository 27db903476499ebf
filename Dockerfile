# Build:  docker build -t golgi .                                                    (CPU)
#         docker build -t golgi --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128 .   (CUDA)
FROM python:3.11-slim AS build
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
WORKDIR /src
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH
RUN pip install --no-cache-dir --index-url "$TORCH_INDEX" "torch>=2.6,<2.14"
COPY pyproject.toml README.md LICENSE ./
COPY app ./app
COPY frontend ./frontend
RUN pip install --no-cache-dir .

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 golgi && mkdir -p /data /models && chown golgi /data /models
COPY --from=build /venv /venv
COPY --chown=golgi models_cache /models
ENV PATH=/venv/bin:$PATH GOLGI_DATA_DIR=/data GOLGI_MODELS_DIR=/models GOLGI_HOST=0.0.0.0
USER golgi
VOLUME ["/data", "/models"]
EXPOSE 8321
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8321/healthz', timeout=4)"]
CMD ["golgi", "serve"]
