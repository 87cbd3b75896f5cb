package observe

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"electnode/test/proc"
)

// Jaeger is a running all-in-one server with its memory as storage.
type Jaeger struct {
	*proc.Process
	OTLP string // where spans go: OTLP over HTTP
	GRPC string // the same over gRPC
	URL  string // of the query API
}

// StartJaeger starts a server and waits until it is ready. root is as for Program.
func StartJaeger(t testing.TB, root string) *Jaeger {
	t.Helper()
	program := Program(t, root, "jaeger", "all-in-one")
	flags := []string{"collector.otlp.http", "collector.otlp.grpc", "query.http-server", "query.grpc-server",
		"collector.http-server", "collector.grpc-server", "admin.http"}
	args := []string{"--query.max-clock-skew-adjustment=0s", "--log-level=warn"}
	addrs := map[string]string{}
	for i, port := range proc.Ports(t, len(flags)) {
		addrs[flags[i]] = fmt.Sprintf("127.0.0.1:%d", port)
		args = append(args, "--"+flags[i]+".host-port="+addrs[flags[i]])
	}
	j := &Jaeger{OTLP: "http://" + addrs["collector.otlp.http"], GRPC: addrs["collector.otlp.grpc"],
		URL: "http://" + addrs["query.http-server"], Process: proc.New(t, "Jaeger", filepath.Join(t.TempDir(), "log"))}
	cmd := exec.Command(program, args...)
	// It is not to trace itself, which it would do to a port that is not ours.
	cmd.Env = append(os.Environ(), "SPAN_STORAGE_TYPE=memory", "OTEL_TRACES_SAMPLER=always_off")
	j.Start(cmd)
	proc.Eventually(t, startTime, "Jaeger is ready", func() error {
		if !j.Running() {
			t.Fatalf("Jaeger has ended:\n%s", j.Log())
		}
		_, err := get("http://" + addrs["admin.http"] + "/")
		if err == nil {
			_, err = get(j.URL + "/api/services")
		}
		return err
	})
	return j
}

// Ref names a span, of this trace or of another one.
type Ref struct{ Trace, Span string }

// Span is a span as Jaeger keeps it: times in whole microseconds.
type Span struct {
	Ref
	Name    string
	Service string
	Parent  Ref // zero for a root
	Links   []Ref
	Start   time.Time
	End     time.Time
	Tags    map[string]any
}

// Error reports whether the span's status is error.
func (s Span) Error() bool { return s.Tags["otel.status_code"] == "ERROR" }

// Tag is the text of a tag, empty if there is none.
func (s Span) Tag(key string) string {
	if v, ok := s.Tags[key]; ok {
		return fmt.Sprint(v)
	}
	return ""
}

// String is for people who read why a test failed.
func (s Span) String() string {
	return fmt.Sprintf("%s %s of %s (parent %s) %s +%s %v", s.Ref.Span, s.Name, s.Service, s.Parent.Span,
		s.Start.Format("05.000000"), s.End.Sub(s.Start), s.Tags)
}

// Trace is all spans of a trace; an error if there is none. Jaeger changes nothing about them.
func (j *Jaeger) Trace(id string) ([]Span, error) {
	traces, err := j.traces(j.URL + "/api/traces/" + id + "?raw=true")
	if err == nil && len(traces) != 1 {
		err = fmt.Errorf("%d traces with the id %s", len(traces), id)
	}
	if err != nil {
		return nil, err
	}
	return traces[0], nil
}

// Find lists the traces since begun that have a span of this name by the service, all their spans.
func (j *Jaeger) Find(service, name string, begun time.Time) ([][]Span, error) {
	const many = 1500
	return j.traces(j.URL + "/api/traces?" + url.Values{"service": {service}, "operation": {name},
		"start": {strconv.FormatInt(begun.UnixMicro(), 10)}, "raw": {"true"}, "limit": {strconv.Itoa(many)},
		"end": {strconv.FormatInt(time.Now().Add(time.Minute).UnixMicro(), 10)}}.Encode())
}

// trace is a trace in Jaeger's JSON.
type trace struct {
	Spans     []span
	Processes map[string]struct{ ServiceName string }
}

type span struct {
	TraceID, SpanID, OperationName, ProcessID string
	References                                []struct{ RefType, TraceID, SpanID string }
	StartTime, Duration                       int64 // microseconds
	Tags                                      []struct {
		Key   string
		Value any
	}
}

func (j *Jaeger) traces(url string) ([][]Span, error) {
	var raw json.RawMessage
	if err := getJSON(url, &raw); err != nil {
		return nil, err
	}
	var found []trace
	if err := json.Unmarshal(raw, &found); err != nil {
		return nil, fmt.Errorf("%s: %w in %.300s", url, err, raw)
	}
	var all [][]Span
	for _, t := range found {
		var spans []Span
		for _, s := range t.Spans {
			spans = append(spans, s.plain(t.Processes[s.ProcessID].ServiceName))
		}
		all = append(all, spans)
	}
	return all, nil
}

// plain is s in our form. A reference to the parent is of the same trace; all else is a link.
func (s span) plain(service string) Span {
	p := Span{Ref: Ref{s.TraceID, s.SpanID}, Name: s.OperationName, Service: service, Tags: map[string]any{},
		Start: time.UnixMicro(s.StartTime), End: time.UnixMicro(s.StartTime + s.Duration)}
	for _, r := range s.References {
		if r.RefType == "CHILD_OF" && r.TraceID == s.TraceID && p.Parent == (Ref{}) {
			p.Parent = Ref{r.TraceID, r.SpanID}
		} else {
			p.Links = append(p.Links, Ref{r.TraceID, r.SpanID})
		}
	}
	for _, tag := range s.Tags {
		p.Tags[tag.Key] = tag.Value
	}
	return p
}
