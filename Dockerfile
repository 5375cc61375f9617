# syntax=docker/dockerfile:1
#
# Images of all programs. Targets:
#   worker      executes runs; needs a volume at /data
#   minireipaz  the command line: bridge, migrate, …
#   functions   the API's functions behind `minireipaz serve`, for those who do not deploy to Vercel
#
#   docker build --target worker -t minireipaz/worker .
#
# TLS and SASL/SCRAM to a Kafka: --build-arg CARGO_FEATURES=cli/kafka-tls (builds OpenSSL from source).

# The compiler's version is that of rust-toolchain.toml; both images have the same C library.
ARG RUST_IMAGE=rust:1.95.0-bookworm
ARG RUNTIME_IMAGE=debian:12.12-slim

FROM ${RUST_IMAGE} AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# hadolint global ignore=DL3008
# (Debian keeps only the newest version of a package, so a pinned one soon cannot be had.)
# The C and C++ libraries that are compiled (Kafka's client, cryptography, JavaScript) want these.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends cmake perl zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
ARG CARGO_FEATURES=""
# What was compiled stays in the builder's cache, so the programs are copied out of it.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked -p cli -p workers -p api-service --features "${CARGO_FEATURES}" \
    && mkdir -p /out/functions \
    && cp target/release/minireipaz target/release/worker /out/ \
    && sed -n '/^\[\[bin\]\]/,/^path/s/^name = "\(.*\)"/\1/p' Cargo.toml \
       | xargs -I {} cp target/release/{} /out/functions/

FROM ${RUNTIME_IMAGE} AS runtime
# Certificates of public authorities, for ClickHouse, the identity provider and the web APIs that are called.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin minireipaz
ENV LOG_FORMAT=json
STOPSIGNAL SIGTERM

FROM runtime AS worker
COPY --from=build /out/worker /usr/local/bin/worker
# A new named volume takes over its folder's owner: the journal, and files if they are in a folder.
RUN install --directory --owner minireipaz --group minireipaz --mode 0700 /data /files
ENV WORKER_LISTEN=0.0.0.0:8081 WORKER_DATA_DIR=/data
VOLUME /data
EXPOSE 8081
USER 10001:10001
ENTRYPOINT ["/usr/local/bin/worker"]

FROM runtime AS functions
COPY --from=build /out/minireipaz /usr/local/bin/minireipaz
COPY --from=build /out/functions /srv/bin
COPY vercel.json /srv/
COPY public /srv/public
# Where files may be that it shares with workers (FILES_URL=file:///files); a new named volume takes over its owner.
RUN install --directory --owner minireipaz --group minireipaz --mode 0700 /files
EXPOSE 3000
USER 10001:10001
WORKDIR /srv
ENTRYPOINT ["/usr/local/bin/minireipaz"]
CMD ["serve", "--functions", "/srv/bin", "--project", "/srv", "--host", "0.0.0.0", "--port", "3000"]

FROM runtime AS minireipaz
COPY --from=build /out/minireipaz /usr/local/bin/minireipaz
COPY connectors /etc/minireipaz/connectors
ENV BRIDGE_LISTEN=0.0.0.0:8082
EXPOSE 8082
USER 10001:10001
ENTRYPOINT ["/usr/local/bin/minireipaz"]
CMD ["bridge", \
     "--connector", "/etc/minireipaz/connectors/workflows-http-sink.json", \
     "--connector", "/etc/minireipaz/connectors/tasks-http-sink.json"]
