package quorum

import (
	"strconv"
	"strings"
)

// Lines is what the member lines of a text say, not yet checked as a whole: NewView does that.
type Lines struct {
	Spec    Spec
	Several string // key of the first server line with several addresses, empty if there is none
}

// IsMemberKey reports whether key is a member line: server.N, or anything that begins with group or
// weight.
func IsMemberKey(key string) bool {
	return strings.HasPrefix(key, "server.") || strings.HasPrefix(key, "group") ||
		strings.HasPrefix(key, "weight")
}

// ReadMembers makes a Spec of the lines server.N, group*, weight* and version among props, whose keys and
// values must not be trimmed. The Spec is usable only when there are no problems.
// Differs from ZooKeeper: one id in two spellings is refused (D3).
// Rules: QuorumMaj and QuorumHierarchical, made of properties.
func ReadMembers(props []Property, opt LineOptions) (Lines, []*Problem) {
	r := memberReader{opt: opt, bad: problemList{limit: opt.Limit},
		servers: map[int64]string{}, groups: map[int64]string{}, weights: map[int64]string{}}
	for _, p := range props {
		switch {
		case strings.HasPrefix(p.Key, "server."):
			r.server(p)
		case strings.HasPrefix(p.Key, "group"):
			r.group(p)
		case strings.HasPrefix(p.Key, "weight"):
			r.weight(p)
		case p.Key == "version":
			r.version(p)
		case opt.RefuseForeign:
			r.bad.add(p.Line, p.Key, "%s is not allowed among member lines", Quote(p.Key))
		}
		if r.bad.full() {
			break
		}
	}
	return r.lines, r.bad.all
}

// memberReader is the state of one ReadMembers. The maps lead from ids to the keys they were given by.
type memberReader struct {
	opt     LineOptions
	lines   Lines
	bad     problemList
	servers map[int64]string
	groups  map[int64]string
	weights map[int64]string
}

func (r *memberReader) server(p Property) {
	text := strings.TrimPrefix(p.Key, "server.")
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || SID(id) == AnonymousSID {
		r.bad.add(p.Line, p.Key, "%s: %s is not a server id", p.Key, Quote(text))
		return
	}
	if !r.claim(r.servers, id, p) {
		return
	}
	srv, problem := ParseServer(p.Key, SID(id), p.Value, r.opt)
	if problem != nil {
		r.bad.add(p.Line, p.Key, "%s", problem.Text)
		return
	}
	if srv.Several && r.lines.Several == "" {
		r.lines.Several = p.Key
	}
	r.lines.Spec.Members = append(r.lines.Spec.Members, srv.Member)
}

func (r *memberReader) group(p Property) {
	if r.lines.Spec.Groups == nil {
		r.lines.Spec.Groups = map[int64][]SID{}
	}
	id, ok := r.number(p, afterDot(p.Key))
	if !ok || !r.claim(r.groups, id, p) {
		return
	}
	pieces := javaSplit(p.Value, ":")
	if len(pieces) == 0 {
		r.bad.add(p.Line, p.Key, "%s: no server is in it", p.Key)
		return
	}
	members := make([]SID, 0, len(pieces))
	for _, piece := range pieces {
		sid, ok := r.number(p, piece)
		if !ok {
			return
		}
		members = append(members, SID(sid))
	}
	r.lines.Spec.Groups[id] = members
}

func (r *memberReader) weight(p Property) {
	if r.lines.Spec.Weights == nil {
		r.lines.Spec.Weights = map[SID]int64{}
	}
	id, ok := r.number(p, afterDot(p.Key))
	if !ok || !r.claim(r.weights, id, p) {
		return
	}
	if w, ok := r.number(p, p.Value); ok {
		r.lines.Spec.Weights[SID(id)] = w
	}
}

// version reads the version of the configuration.
// Differs from ZooKeeper: a negative one is refused; it would be printed as a number above 64 bits, which
// no peer can read.
func (r *memberReader) version(p Property) {
	n, err := strconv.ParseInt(p.Value, 16, 64)
	if err != nil || n < 0 {
		r.bad.add(p.Line, p.Key, "version: %s is not a hexadecimal version", Quote(p.Value))
		return
	}
	r.lines.Spec.Version = Version(n)
}

// number reads a 64-bit number that is a part of the line p.
func (r *memberReader) number(p Property, text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		r.bad.add(p.Line, p.Key, "%s: %s is not a whole number in range", p.Key, Quote(text))
	}
	return n, err == nil
}

// claim notes that id was given by p; an id that was given before in another spelling is a problem.
func (r *memberReader) claim(given map[int64]string, id int64, p Property) bool {
	if other, twice := given[id]; twice {
		r.bad.add(p.Line, p.Key, "%s and %s are the same id", other, p.Key)
		return false
	}
	given[id] = p.Key
	return true
}

// afterDot is the id text of a group or weight key: behind the first dot, or the whole key without one.
func afterDot(key string) string {
	if _, id, found := strings.Cut(key, "."); found {
		return id
	}
	return key
}

// PlainKey is a member key with its id in plain decimal: "group.1" for "groupies.+01". A key without a
// readable id comes back as it is.
func PlainKey(key string) string {
	kind, id := "server.", strings.TrimPrefix(key, "server.")
	switch {
	case strings.HasPrefix(key, "group"):
		kind, id = "group.", afterDot(key)
	case strings.HasPrefix(key, "weight"):
		kind, id = "weight.", afterDot(key)
	}
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return key
	}
	return kind + strconv.FormatInt(n, 10)
}
