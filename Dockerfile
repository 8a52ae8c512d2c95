# PostgreSQL's programs and pgsafe, for jobs that rehearse and for machines that keep backups:
#   docker build -t pgsafe . && docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" pgsafe pytest --pgsafe
# BASE is Debian or what is made of it, from a registry that you reach.
ARG BASE=debian:trixie-slim
FROM ${BASE}

ENV DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8 PATH=/opt/pgsafe/bin:$PATH PIP_NO_CACHE_DIR=1

# Versions are those of the base's own release; a cluster of Debian's is not wanted. libnss-wrapper gives a name to the
# user of docker run --user, which initdb asks for.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates git libnss-wrapper postgresql-common python3 python3-venv \
    && sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf \
    && apt-get install -y --no-install-recommends postgresql \
    && rm -rf /var/lib/apt/lists/*

COPY LICENSE README.md pyproject.toml /src/
COPY pytest_pgsafe /src/pytest_pgsafe
RUN python3 -m venv /opt/pgsafe \
    && /opt/pgsafe/bin/pip install '/src[alerts,s3,age]' \
    && rm -rf /src \
    && useradd --uid 1000 --create-home pgsafe

# A migration tool of your own: FROM pgsafe, USER root, RUN /opt/pgsafe/bin/pip install alembic, USER 1000.
USER 1000
WORKDIR /work
CMD ["pgsafe", "--help"]
