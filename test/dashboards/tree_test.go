package dashboards

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// node is a part of a parsed expression, as Prometheus tells it.
type node struct {
	Type, Op, Name, Val string
	Expr, LHS, RHS      *node
	Param               *node
	Args                []*node
	Func                struct{ Name string }
	Grouping            []string
	Without, Bool       bool
	Matching            *struct {
		Card            string
		Labels, Include []string
		On              bool
	}
	Matchers []matcher
}

// matcher is a condition on a label.
type matcher struct{ Name, Value, Type string }

// below are the parts of a part.
func (n *node) below() []*node {
	all := append([]*node{n.Expr, n.Param, n.LHS, n.RHS}, n.Args...)
	return slices.DeleteFunc(all, func(n *node) bool { return n == nil || n.Type == "" })
}

// visit goes through all parts; above is the nearest function or aggregation around each.
func (n *node) visit(above string, f func(n *node, above string)) {
	f(n, above)
	switch n.Type {
	case "call":
		above = n.Func.Name
	case "aggregation":
		above = n.Op
	}
	for _, part := range n.below() {
		part.visit(above, f)
	}
}

// set is a set of labels; nil: a plain number, which has none.
type set map[string]bool

func setOf(names []string) set {
	s := set{}
	for _, name := range names {
		s[name] = true
	}
	return s
}

func (s set) and(other set) set {
	both := set{}
	for name := range s {
		if other[name] {
			both[name] = true
		}
	}
	return both
}

func (s set) but(names ...string) set {
	rest := maps.Clone(s)
	for _, name := range names {
		delete(rest, name)
	}
	return rest
}

// labels are those that the answer to an expression has for certain, when series have those that of gives.
// Aggregating or matching by a label that is not there is an error.
func (n *node) labels(of func(metric string) (set, error)) (set, error) {
	switch n.Type {
	case "vectorSelector", "matrixSelector":
		return of(n.Name)
	case "numberLiteral", "stringLiteral":
		return nil, nil
	case "parenExpr", "unaryExpr", "subquery":
		return n.Expr.labels(of)
	case "aggregation":
		return n.aggregated(of)
	case "binaryExpr":
		return n.combined(of)
	case "call":
		return n.called(of)
	}
	return nil, fmt.Errorf("a %s is nothing known", n.Type)
}

func (n *node) aggregated(of func(string) (set, error)) (set, error) {
	inner, err := n.Expr.labels(of)
	if err != nil {
		return nil, err
	}
	if slices.Contains([]string{"topk", "bottomk", "limitk", "limit_ratio"}, n.Op) {
		return inner, nil
	}
	for _, name := range n.Grouping {
		if !inner[name] {
			err = errors.Join(err, fmt.Errorf("%s by or without %s, which is not there", n.Op, name))
		}
	}
	rest := setOf(n.Grouping)
	if n.Without {
		rest = inner.but(n.Grouping...)
	}
	if n.Op == "count_values" {
		rest[n.Param.Val] = true
	}
	return rest, err
}

func (n *node) combined(of func(string) (set, error)) (set, error) {
	left, errLeft := n.LHS.labels(of)
	right, errRight := n.RHS.labels(of)
	err := errors.Join(errLeft, errRight)
	switch {
	case left == nil:
		return right, err
	case right == nil:
		return left, err
	case n.Op == "or":
		return left.and(right), err
	}
	m := n.Matching
	if m.On || m.Card == "many-to-one" || m.Card == "one-to-many" {
		for _, name := range m.Labels {
			if m.On && (!left[name] || !right[name]) {
				err = errors.Join(err, fmt.Errorf("%s on %s, which is not on both sides", n.Op, name))
			}
		}
	}
	switch {
	case n.Op == "and" || n.Op == "unless" || m.Card == "many-to-one":
		return left, err
	case m.Card == "one-to-many":
		return right, err
	case m.On:
		return setOf(m.Labels), err
	default:
		a, b := left.but(m.Labels...), right.but(m.Labels...)
		if !maps.Equal(a, b) {
			err = errors.Join(err, fmt.Errorf("%s of %v and %v", n.Op, slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b))))
		}
		return a, err
	}
}

func (n *node) called(of func(string) (set, error)) (set, error) {
	var all set
	for _, arg := range n.Args {
		s, err := arg.labels(of)
		if err != nil {
			return nil, err
		}
		if s != nil {
			all = s
		}
	}
	switch n.Func.Name {
	case "time", "scalar":
		return nil, nil
	case "vector":
		return set{}, nil
	case "histogram_quantile":
		if !all["le"] {
			return nil, errors.New("histogram_quantile without le")
		}
		return all.but("le"), nil
	case "label_replace", "label_join":
		all = maps.Clone(all)
		all[n.Args[1].Val] = true
	}
	return all, nil
}

// TestLabels: what survives which operation, and what is found to be wrong.
func TestLabels(t *testing.T) {
	t.Parallel()
	p, c := parser(t), known(t)
	const sid, wait, peers = "electnode_leader_sid", "electnode_notification_wait_seconds", "electnode_peer_connected"
	own := []string{"ensemble", "instance", "job"}
	for _, test := range []struct {
		expr   string
		labels []string
		says   string
	}{
		{sid, own, ""},
		{"nobody_has_this", nil, "no metric"},
		{"time()", nil, ""},
		{"max by (instance) (" + sid + ")", []string{"instance"}, ""},
		{"max by (peer) (" + sid + ")", nil, "peer, which is not there"},
		{"max without (job, instance) (" + sid + ")", []string{"ensemble"}, ""},
		{"topk(3, " + peers + ")", []string{"ensemble", "instance", "job", "peer"}, ""},
		{`count_values by (ensemble) ("sid", ` + sid + ")", []string{"ensemble", "sid"}, ""},
		{"histogram_quantile(0.9, sum by (le, peer) (rate(electnode_heartbeat_rtt_seconds_bucket[1m])))", []string{"peer"}, ""},
		{"histogram_quantile(0.9, sum by (peer) (rate(electnode_heartbeat_rtt_seconds_bucket[1m])))", nil, "without le"},
		{"2 * (" + sid + " - 1)", own, ""},
		{sid + " + " + wait, own, ""},
		{sid + " + " + peers, nil, "+ of"},
		{sid + " + on (instance) " + wait, []string{"instance"}, ""},
		{sid + " + on (peer) " + wait, nil, "not on both sides"},
		{peers + " * on (instance) group_left () " + sid, []string{"ensemble", "instance", "job", "peer"}, ""},
		{sid + " * on (instance) group_right () " + peers, []string{"ensemble", "instance", "job", "peer"}, ""},
		{peers + " and on (instance) " + sid, []string{"ensemble", "instance", "job", "peer"}, ""},
		{sid + " or max by (ensemble) (" + wait + ")", []string{"ensemble"}, ""},
		{`label_replace(` + sid + `, "x", "$1", "job", "(.*)")`, append([]string{"x"}, own...), ""},
		{"avg_over_time((" + sid + " > 0)[1m:1s])", own, ""},
	} {
		tree, err := p.parse(test.expr)
		if err != nil {
			t.Errorf("%s: %v", test.expr, err)
			continue
		}
		got, err := tree.labels(c.labels)
		if (err != nil) != (test.says != "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", test.expr, err, test.says)
		}
		if err == nil && !maps.Equal(got, setOf(test.labels)) {
			t.Errorf("%s has %v, want %v", test.expr, got, test.labels)
		}
	}
}
