# A Redis for compose.test.mjs where no registry can be asked for the real image.
FROM debian:bookworm-slim
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server >/dev/null
USER 999
CMD ["redis-server"]
