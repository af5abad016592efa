# A small image: the binary, certificates of the public authorities, a user without rights.
#   docker build -t weir . && docker run -p 8000:8000 -v weir:/var/lib/weir weir
FROM rust:1.95-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends cmake && rm -rf /var/lib/apt/lists/* \
    && rustup target add wasm32-unknown-unknown
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p weir

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/weir --create-home weir
COPY --from=build /src/target/release/weir /usr/local/bin/weir
COPY LICENSE /usr/share/doc/weir/LICENSE
USER weir
# Nobody outside the container reaches the Admin API unless WEIR_ADMIN_LISTEN says so.
ENV WEIR_PREFIX=/var/lib/weir WEIR_PROXY_ACCESS_LOG=/dev/stdout WEIR_STATUS_LISTEN=0.0.0.0:8100
VOLUME /var/lib/weir
EXPOSE 8000 8443 8001 8100
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["weir", "health"]
ENTRYPOINT ["weir"]
CMD ["start"]
