# docker build -t roomcast . ; docker run -p 3001:3001 roomcast            docs/deploying.md has the rest
FROM debian:bookworm-slim AS build
WORKDIR /src
# One list of what a build needs: the one of ./dev. This layer is made again only when that changes.
COPY dev ./
RUN ./dev setup build
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY sdk sdk
COPY server server
# Compiles at a time; empty: as many as cores and memory allow.
ARG JOBS=
RUN ./dev build package roomcast-server
# What is only installed comes after what takes minutes.
COPY LICENSE README.md CHANGELOG.md ./
COPY deploy deploy
COPY docs docs
COPY samples samples
RUN DESTDIR=/installed cmake --install build/package --component runtime --strip \
    && deploy/image-root.sh /installed /root-of-image

FROM scratch
COPY --from=build /root-of-image /
USER 10001:10001
WORKDIR /var/lib/roomcast
# HOSTNAME would be the container's id, and applications that listen on it would be deaf to everybody else.
ENV ROOMCAST_CONFIG=/etc/roomcast/roomcast.yaml HOSTNAME=0.0.0.0
EXPOSE 3001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=10s --retries=3 CMD ["/usr/bin/roomcast-server", "healthcheck"]
ENTRYPOINT ["/usr/bin/roomcast-server"]
