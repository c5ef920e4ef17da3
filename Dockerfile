# Kleio's image: the wheel and its locked packages on a slim Python, run by a user without rights.
#
#   docker build -t kleio .
#   docker run --rm -p 127.0.0.1:8000:8000 -v kleio:/var/lib/kleio kleio
#
# With no database configured it starts its own PostgreSQL 18 in the volume; with DATABASE_URL or
# DB_* it uses that one. docker-compose.yml has the second kind. `--build-arg EXTRAS=otel,sql` adds
# what traces and `kleio sql` need.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# Every locked package as a wheel, checked against its hash. pip refuses hashes in a constraints
# file, so from here on this directory is the only index: what is not in the lock can't come in,
# and of it only what the wheel of Kleio asks for is installed.
COPY requirements.lock ./
RUN pip wheel --quiet --no-deps --require-hashes -r requirements.lock --wheel-dir /wheels

ARG EXTRAS=
ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels
RUN pip install --quiet hatchling
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY queries queries
COPY migrations migrations
RUN pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /dist . \
 && python -m venv --without-pip /opt/kleio \
 && wheel=$(ls /dist/kleio-*.whl) \
 && pip --python /opt/kleio/bin/python install --quiet "$wheel${EXTRAS:+[$EXTRAS]}"

FROM ${PYTHON_IMAGE}
# initdb asks for the name of its user, so a number alone would not do for the embedded server.
RUN groupadd --gid 10001 kleio \
 && useradd --uid 10001 --gid 10001 --home-dir /var/lib/kleio --no-create-home \
      --shell /usr/sbin/nologin kleio \
 && install -d -o kleio -g kleio -m 0700 /var/lib/kleio
COPY --from=build /opt/kleio /opt/kleio
ENV PATH=/opt/kleio/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    KLEIO_HOME=/var/lib/kleio
VOLUME /var/lib/kleio
WORKDIR /var/lib/kleio
USER 10001:10001
EXPOSE 8000
# Live, not ready: a database that is away must not have this container restarted.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/health/live'); raise SystemExit(c.getresponse().status != 200)"]
CMD ["kleio", "serve", "--host", "0.0.0.0"]
