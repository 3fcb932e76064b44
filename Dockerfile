# The gateway. Build: docker build -t llmkit-proxy .
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY src ./src
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir ".[proxy,postgres,redis,vertex]" \
 && /venv/bin/python -m compileall -q /venv/lib

FROM python:3.13-slim
# A user without rights, who owns nothing but where the SQLite files are.
RUN useradd --uid 10001 --create-home --home-dir /data llmkit
# The image comes without the standard library's bytecode, and on a read-only root each start would compile it anew.
RUN python -m compileall -q -x '/(test|tests|idlelib|tkinter|turtledemo|ensurepip|pydoc_data)/' \
    "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    LLMKIT_HOST=0.0.0.0
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 4000
# The exec form: signals reach the gateway, which lets requests under way finish.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD \
    ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:%s/health/readiness' % os.environ.get('LLMKIT_PORT', 4000), timeout=2)"]
ENTRYPOINT ["python", "-m", "llmkit.proxy"]
