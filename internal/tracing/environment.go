package tracing

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Exporter makes the exporter that the flag --trace.endpoint or the environment asks for; nil if neither
// does, or if the environment forbids it: OTEL_SDK_DISABLED=true and OTEL_TRACES_EXPORTER=none come before
// everything else. The flag comes before the endpoints of the environment. It is an URL with scheme http or
// https, or host:port; port 4317 means gRPC and any other HTTP, unless OTEL_EXPORTER_OTLP_TRACES_PROTOCOL or
// OTEL_EXPORTER_OTLP_PROTOCOL says which. Nothing is connected yet. The error names the setting and its value.
func Exporter(ctx context.Context, endpoint string, getenv func(string) string) (sdktrace.SpanExporter, error) {
	off, err := disabled(getenv)
	if err != nil || off {
		return nil, err
	}
	if _, err := protocol(getenv); err != nil {
		return nil, err
	}
	kind := getenv("OTEL_TRACES_EXPORTER")
	switch {
	case kind == "none":
		return nil, nil
	case endpoint != "":
		return fromFlag(ctx, endpoint, getenv)
	case kind == "" && getenv(tracesEndpoint) == "" && getenv(anyEndpoint) == "":
		return nil, nil
	}
	for _, name := range []string{tracesEndpoint, anyEndpoint} {
		if _, err := parseURL(getenv(name)); err != nil {
			return nil, fmt.Errorf("%s=%q: %w", name, getenv(name), err)
		}
	}
	out, err := autoexport.NewSpanExporter(ctx)
	if err != nil {
		return nil, fmt.Errorf("OTEL_TRACES_EXPORTER=%q: %w", kind, err)
	}
	return out, nil
}

// The variables that name an endpoint.
const (
	tracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	anyEndpoint    = "OTEL_EXPORTER_OTLP_ENDPOINT"
)

func disabled(getenv func(string) string) (bool, error) {
	switch v := getenv("OTEL_SDK_DISABLED"); strings.ToLower(v) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	default:
		return false, fmt.Errorf("OTEL_SDK_DISABLED=%q: true and false exist", v)
	}
}

// protocol is how OTLP is spoken; empty if the environment does not say.
func protocol(getenv func(string) string) (string, error) {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		switch v := getenv(name); v {
		case "":
		case protocolGRPC, protocolHTTP:
			return v, nil
		default:
			return "", fmt.Errorf("%s=%q: %s and %s exist", name, v, protocolGRPC, protocolHTTP)
		}
	}
	return "", nil
}

const (
	protocolGRPC = "grpc"
	protocolHTTP = "http/protobuf"
)

var errEndpoint = errors.New("want an URL such as http://127.0.0.1:4318, or host:port")

// parseURL checks an endpoint as the environment has it; empty is fine.
func parseURL(text string) (*url.URL, error) {
	if text == "" {
		return &url.URL{}, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, errEndpoint
	}
	if p := u.Port(); p != "" && !validPort(p) {
		return nil, errEndpoint
	}
	return u, nil
}

func validPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// fromFlag makes an OTLP exporter for the endpoint of the flag.
func fromFlag(ctx context.Context, endpoint string, getenv func(string) string) (sdktrace.SpanExporter, error) {
	full := endpoint
	if !strings.Contains(endpoint, "://") {
		if host, port, err := net.SplitHostPort(endpoint); err != nil || host == "" || !validPort(port) {
			return nil, fmt.Errorf("--trace.endpoint %q: %w", endpoint, errEndpoint)
		}
		full = "http://" + endpoint
	}
	u, err := parseURL(full)
	if err != nil {
		return nil, fmt.Errorf("--trace.endpoint %q: %w", endpoint, err)
	}
	speak, err := protocol(getenv)
	if err != nil {
		return nil, err
	}
	if speak == protocolGRPC || speak == "" && u.Port() == "4317" {
		if u.Port() == "" {
			u.Host = net.JoinHostPort(u.Hostname(), "4317")
		}
		return otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(u.String()))
	}
	if u.Port() == "" && u.Scheme == "http" {
		u.Host = net.JoinHostPort(u.Hostname(), "4318")
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	return otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(u.String()))
}

// sampler is what OTEL_TRACES_SAMPLER asks for. Parents are not asked: that of a span is often on another
// node, whose sampler has seen the same trace id and decided the same.
func sampler(getenv func(string) string) (sdktrace.Sampler, error) {
	const name, argName = "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"
	v := strings.ToLower(strings.TrimSpace(getenv(name)))
	if v == "" {
		return sdktrace.AlwaysSample(), nil
	}
	switch strings.TrimPrefix(v, "parentbased_") {
	case "always_on":
		return sdktrace.AlwaysSample(), nil
	case "always_off":
		return sdktrace.NeverSample(), nil
	case "traceidratio":
		arg := strings.TrimSpace(getenv(argName))
		if arg == "" {
			return sdktrace.AlwaysSample(), nil
		}
		ratio, err := strconv.ParseFloat(arg, 64)
		if err != nil || !(ratio >= 0 && ratio <= 1) {
			return nil, fmt.Errorf("%s=%q: want a number from 0 to 1", argName, arg)
		}
		return sdktrace.TraceIDRatioBased(ratio), nil
	default:
		return nil, fmt.Errorf("%s=%q: always_on, always_off and traceidratio exist, each with parentbased_ before it too",
			name, v)
	}
}
