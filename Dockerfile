# The image that a bank deploys: nginx with oof, and nothing that builds it.
# ./build.sh image makes it with the container engine that is there; docs/
# operations.md tells what to mount and which variables it reads.

ARG BASE=docker.io/library/debian:bookworm-slim


FROM ${BASE} AS build

WORKDIR /src
COPY . .

RUN apt-get -q update \
    && ./build.sh deps --build \
    && ./build.sh build \
    && image/stage /out


FROM ${BASE}

ARG VERSION=unknown
ARG REVISION=unknown

LABEL org.opencontainers.image.title="oof" \
      org.opencontainers.image.description="Open Finance Brasil in nginx" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# The libraries alone.  The uid is fixed, so that volumes can be given to it.

COPY image/packages /usr/share/oof/packages

RUN apt-get -q update \
    && DEBIAN_FRONTEND=noninteractive apt-get -q -y install \
        --no-install-recommends $(cat /usr/share/oof/packages) \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* \
        /var/cache/debconf/*-old /usr/share/doc/* /usr/share/man/* \
    && groupadd --gid 10001 oof \
    && useradd --uid 10001 --gid oof --home-dir / --no-create-home \
        --shell /usr/sbin/nologin oof

COPY --from=build /out/ /

RUN oof sbom "${VERSION}" > /usr/share/oof/sbom.cdx.json

USER 10001:10001
EXPOSE 8443 8080 9443
STOPSIGNAL SIGQUIT
ENTRYPOINT ["oof"]
CMD ["serve"]
