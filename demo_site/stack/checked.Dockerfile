# An image that holds one program and nothing else, with what can ask it how it is.
ARG IMAGE
FROM busybox:1.37.0-musl AS tools
FROM ${IMAGE}
COPY --from=tools /bin/busybox /busybox
