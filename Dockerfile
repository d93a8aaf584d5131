# Untested until somebody has run it and removed this line.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked && cp target/release/phonehub /phonehub

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home --home-dir /var/lib/phonehub phonehub
COPY --from=build /phonehub /usr/local/bin/phonehub
USER phonehub
WORKDIR /var/lib/phonehub
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["phonehub", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["phonehub"]
