package tracing

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"electnode/internal/event"
)

// setenv sets the environment of a test, and clears what else could matter.
func setenv(t *testing.T, env map[string]string) {
	t.Helper()
	for _, name := range []string{"OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", tracesEndpoint, anyEndpoint,
		"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"} {
		t.Setenv(name, env[name])
	}
}

func TestExporter(t *testing.T) {
	type env map[string]string
	for _, c := range []struct {
		name string
		flag string
		env  env
		want string // "none", "some", or part of the error
	}{
		{"nothing set", "", nil, "none"},
		{"flag, HTTP", "http://127.0.0.1:4318", nil, "some"},
		{"flag, path", "https://example.org/otlp/v1/traces", nil, "some"},
		{"flag, gRPC by port", "http://127.0.0.1:4317", nil, "some"},
		{"flag, host and port", "collector:4317", nil, "some"},
		{"flag, IPv6", "[::1]:4318", nil, "some"},
		{"flag, gRPC by environment", "http://collector", env{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "some"},
		{"flag, no port", "collector", nil, `--trace.endpoint "collector"`},
		{"flag, no host", ":4318", nil, `--trace.endpoint ":4318"`},
		{"flag, wrong port", "collector:99999", nil, `--trace.endpoint "collector:99999"`},
		{"flag, wrong port in URL", "http://collector:0", nil, `--trace.endpoint "http://collector:0"`},
		{"flag, wrong scheme", "ftp://collector:4318", nil, `--trace.endpoint "ftp://collector:4318"`},
		{"flag, no URL", "http://a b", nil, `--trace.endpoint "http://a b"`},
		{"endpoint", "", env{anyEndpoint: "http://collector:4318"}, "some"},
		{"endpoint for traces", "", env{tracesEndpoint: "http://collector:4318/v1/traces"}, "some"},
		{"endpoint, gRPC", "", env{anyEndpoint: "http://collector:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "some"},
		{"wrong endpoint", "", env{anyEndpoint: "collector:4318"}, anyEndpoint + `="collector:4318"`},
		{"wrong protocol", "", env{"OTEL_EXPORTER_OTLP_PROTOCOL": "carrier-pigeon"}, `OTEL_EXPORTER_OTLP_PROTOCOL="carrier-pigeon"`},
		{"console", "", env{"OTEL_TRACES_EXPORTER": "console"}, "some"},
		{"otlp", "", env{"OTEL_TRACES_EXPORTER": "otlp"}, "some"},
		{"wrong exporter", "", env{"OTEL_TRACES_EXPORTER": "fax"}, `OTEL_TRACES_EXPORTER="fax"`},
		{"none", "", env{"OTEL_TRACES_EXPORTER": "none", anyEndpoint: "http://collector:4318"}, "none"},
		{"none and a flag", "http://127.0.0.1:4318", env{"OTEL_TRACES_EXPORTER": "none"}, "none"},
		{"disabled", "http://127.0.0.1:4318", env{"OTEL_SDK_DISABLED": "TRUE"}, "none"},
		{"not disabled", "", env{"OTEL_SDK_DISABLED": "false"}, "none"},
		{"perhaps disabled", "", env{"OTEL_SDK_DISABLED": "maybe"}, `OTEL_SDK_DISABLED="maybe"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			setenv(t, c.env)
			got, err := Exporter(t.Context(), c.flag, os.Getenv)
			switch {
			case err != nil:
				if c.want == "none" || c.want == "some" || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("error %q, want %s", err, c.want)
				}
			case got == nil && c.want != "none", got != nil && c.want != "some":
				t.Errorf("exporter %v, want %s", got, c.want)
			case got != nil:
				if err := got.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestOverHTTP: the flag's endpoint gets the spans, at the path that OTLP has for traces.
func TestOverHTTP(t *testing.T) {
	setenv(t, nil)
	paths := make(chan string, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { paths <- r.URL.Path }))
	defer srv.Close()
	for _, c := range []struct{ flag, want string }{
		{srv.URL, "/v1/traces"},
		{srv.URL + "/", "/v1/traces"},
		{strings.TrimPrefix(srv.URL, "http://"), "/v1/traces"},
		{srv.URL + "/custom", "/custom"},
	} {
		exp, err := Exporter(t.Context(), c.flag, os.Getenv)
		if err != nil {
			t.Fatal(err)
		}
		tr, err := New(Options{Exporter: exp, Self: 1, View: view(t, 3, 0), Dropped: func(n uint64) { t.Errorf("%d dropped", n) }})
		if err != nil {
			t.Fatal(err)
		}
		event.NewEmitter(1, time.Now, tr).Emit(event.ElectionStarted{Reason: event.ReasonStart})
		tr.Close(10 * time.Second)
		if got := <-paths; got != c.want {
			t.Errorf("%s: path %s, want %s", c.flag, got, c.want)
		}
	}
}

func TestSampler(t *testing.T) {
	for _, c := range []struct{ name, arg, want string }{
		{"", "", "AlwaysOnSampler"},
		{"always_on", "", "AlwaysOnSampler"},
		{"parentbased_always_on", "", "AlwaysOnSampler"},
		{"always_off", "", "AlwaysOffSampler"},
		{"Parentbased_Always_Off", "", "AlwaysOffSampler"},
		{"traceidratio", "", "AlwaysOnSampler"},
		{"traceidratio", "0.25", "TraceIDRatioBased{0.25}"},
		{"parentbased_traceidratio", " 0.25 ", "TraceIDRatioBased{0.25}"},
		{"traceidratio", "2", `OTEL_TRACES_SAMPLER_ARG="2"`},
		{"traceidratio", "NaN", `OTEL_TRACES_SAMPLER_ARG="NaN"`},
		{"traceidratio", "half", `OTEL_TRACES_SAMPLER_ARG="half"`},
		{"parentbased_", "", `OTEL_TRACES_SAMPLER="parentbased_"`},
		{"jaeger_remote", "", `OTEL_TRACES_SAMPLER="jaeger_remote"`},
	} {
		env := map[string]string{"OTEL_TRACES_SAMPLER": c.name, "OTEL_TRACES_SAMPLER_ARG": c.arg}
		getenv := func(name string) string { return env[name] }
		s, err := sampler(getenv)
		if err != nil {
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v: %v, want %s", env, err, c.want)
			}
			if _, err := New(Options{Exporter: &memory{}, Getenv: getenv}); err == nil {
				t.Errorf("%v: accepted", env)
			}
			continue
		}
		if got := s.Description(); got != c.want {
			t.Errorf("%v: %s, want %s", env, got, c.want)
		}
	}
}

// FuzzEnvironment: whatever the flag and the variables hold, there is an exporter, none, or an error in one line that names one
// of them; and a sampler, or the same.
func FuzzEnvironment(f *testing.F) {
	f.Add("http://127.0.0.1:4318", "", "", "", "", "", "", "", "")
	f.Add("", "false", "otlp", "http://collector:4318/v1/traces", "https://[::1]:4317", "grpc", "http/protobuf", "parentbased_traceidratio", "0.25")
	f.Add("collector:4317", "TRUE", "console", "x", "ftp://a b", "fax", "", "always_off", "NaN")
	f.Add("collector", "", "", "", "", "", "", "", "")
	f.Add("http://a b", "", "", "", "", "", "", "", "")
	f.Add("//", "maybe", "none", "http://a\n", "", "", "grpc", "parentbased_", "2")
	f.Fuzz(func(t *testing.T, flag, off, kind, traces, endpoint, tracesProtocol, protocol, how, arg string) {
		env := map[string]string{"OTEL_SDK_DISABLED": off, "OTEL_TRACES_EXPORTER": kind, tracesEndpoint: traces, anyEndpoint: endpoint,
			"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": tracesProtocol, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol, "OTEL_TRACES_SAMPLER": how, "OTEL_TRACES_SAMPLER_ARG": arg}
		for _, value := range env {
			if strings.ContainsRune(value, 0) {
				return // no environment can hold it
			}
		}
		setenv(t, env)
		named := func(err error) bool {
			return !strings.Contains(err.Error(), "\n") && (strings.Contains(err.Error(), "OTEL_") || strings.Contains(err.Error(), "--trace.endpoint"))
		}
		exp, err := Exporter(t.Context(), flag, os.Getenv)
		if err != nil && (exp != nil || !named(err)) {
			t.Errorf("%q", err)
		}
		if exp != nil {
			if err := exp.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if s, err := sampler(os.Getenv); (s == nil) == (err == nil) || err != nil && !named(err) {
			t.Errorf("%v, %v", s, err)
		}
	})
}
