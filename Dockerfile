# The electnode image: the program and the certificates of public authorities, nothing else.
ARG GO_IMAGE=golang:1.26-bookworm
FROM ${GO_IMAGE} AS build
WORKDIR /src
# Where modules come from; as Go itself has it unless said otherwise.
ARG GOPROXY
ARG GOFLAGS
COPY go.mod go.sum ./
RUN go mod download
COPY cmd ./cmd
COPY internal ./internal
ARG VERSION=devel
# Set by a builder for several platforms; otherwise the platform of the build.
ARG TARGETOS
ARG TARGETARCH
RUN CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} go build -trimpath -buildvcs=false \
      -ldflags "-s -w -X main.version=${VERSION}" -o /out/electnode ./cmd/electnode \
 && mkdir -p /out/data /out/datalog

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/electnode /electnode
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build --chown=65532:65532 /out/datalog /datalog
USER 65532:65532
WORKDIR /data
VOLUME ["/data", "/datalog"]
# HTTP, clients' four-letter words, quorum port, election port.
EXPOSE 7000 2181 2888 3888
HEALTHCHECK --interval=1s --timeout=3s --start-period=10s --retries=5 CMD ["/electnode", "healthcheck"]
ENTRYPOINT ["/electnode"]
CMD ["run"]
