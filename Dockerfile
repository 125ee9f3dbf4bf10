# The portal and the libraries it needs, nothing else: no shell, no package manager, no user but 65532.
# packaging/build_image.sh builds it without a daemon; `docker build .` does too.
ARG BASE=docker.io/library/debian:bookworm-slim

FROM ${BASE} AS build
ENV DEBIAN_FRONTEND=noninteractive
WORKDIR /source
COPY scripts/install_dependencies.sh scripts/
RUN scripts/install_dependencies.sh core && apt-get install --yes --no-install-recommends ca-certificates
COPY . .
ARG REVISION=
RUN cmake --preset release -DPORTAL_TESTS=OFF -DPORTAL_BENCH=OFF -DPORTAL_REVISION="${REVISION}" && cmake --build --preset release --target redis-portal
RUN packaging/image_root.sh build/release/redis-portal /image

FROM scratch
COPY --from=build /image/ /
USER 65532:65532
# Clients; health, metrics and status.
EXPOSE 6380 9380
ENTRYPOINT ["/usr/bin/redis-portal"]
CMD ["--help"]
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=
ARG BASE
ARG BASE_DIGEST=
LABEL org.opencontainers.image.title="redis-portal" \
      org.opencontainers.image.description="TLS proxy in front of a Redis leader and its replicas, with failover" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.url="${SOURCE}" \
      org.opencontainers.image.documentation="${SOURCE}" \
      org.opencontainers.image.licenses="NOASSERTION" \
      org.opencontainers.image.vendor="redis-portal" \
      org.opencontainers.image.base.name="${BASE}" \
      org.opencontainers.image.base.digest="${BASE_DIGEST}"
