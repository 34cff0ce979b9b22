# postern as a container image; deploy/README.md says how to run it.
#
#   docker build -t postern .
#   buildah build --format docker -t postern .        (the OCI format would drop HEALTHCHECK)
#
# BoringSSL is the pinned one of tls/boringssl/fetch-and-build. Another one, as an installed prefix (include/,
# lib/libssl.a, lib/libcrypto.a), takes the place of the empty stage below when it is named as a build context:
#
#   docker build --build-context boringssl=PREFIX -t postern .
FROM scratch AS boringssl
WORKDIR /

FROM debian:bookworm-slim AS build
WORKDIR /src
COPY tests/install tests/
RUN tests/install build
COPY --from=boringssl / /boringssl/
COPY tls/boringssl tls/boringssl
# Without the fallback to an old one: what is shipped has what the label says.
ARG BORINGSSL="3a9254f1 2026-06-01"
RUN [ -d /boringssl/include ] || { prefix=$(POSTERN_BORINGSSL=current tls/boringssl/fetch-and-build) \
      && cp -a "$prefix/." /boringssl; }; \
    mkdir -p /boringssl/share/boringssl; \
    linked=$(cat /boringssl/share/boringssl/revision 2>/dev/null || echo unknown); [ "$linked" = "$BORINGSSL" ] \
 || { echo "BoringSSL is \"$linked\", the label would say \"$BORINGSSL\": --build-arg BORINGSSL=\"$linked\""; exit 1; }
COPY CMakeLists.txt CMakePresets.json ./
COPY tls tls
COPY metrics metrics
COPY proxy proxy
ARG REVISION=
RUN cmake --preset release -DBUILD_TESTING=OFF -DBORINGSSL_ROOT=/boringssl -DPOSTERN_REVISION="$REVISION" \
 && cmake --build --preset release --target postern \
 && cmake --install build/release --prefix /out --strip

FROM debian:bookworm-slim
ARG REVISION=
ARG BORINGSSL="3a9254f1 2026-06-01"
LABEL org.opencontainers.image.title="postern" \
      org.opencontainers.image.revision="$REVISION" \
      postern.boringssl="$BORINGSSL" \
      org.opencontainers.image.description="TLS in front of any IMAP server" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
      libuv1 libyaml-cpp0.7 libspdlog1.10 libfmt9 libprometheus-cpp-core1.0 \
 && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* \
 && groupadd --gid 10001 postern \
 && useradd --uid 10001 --gid postern --no-log-init --no-create-home --home-dir / --shell /usr/sbin/nologin postern
COPY deploy/healthcheck /usr/local/lib/postern/
COPY --from=build /out/bin/postern /usr/local/bin/
# Its licences.
COPY --from=build /boringssl/share/boringssl/ /usr/share/doc/postern/boringssl/
# By number: only a number shows Kubernetes that this is not root.
USER 10001:10001
# A port below 1024 would need a capability or a sysctl; publish or map these instead.
EXPOSE 9930 1430 9143
# Asks the admin endpoint, which the configuration therefore puts on port 9143.
HEALTHCHECK --interval=10s --timeout=4s --start-period=5s CMD ["/usr/local/lib/postern/healthcheck"]
# Drains, then exits 0. The engine's grace must be longer than timeouts.drain_delay and timeouts.drain, and 5 s.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/postern"]
CMD ["--config", "/etc/postern/postern.yaml"]
