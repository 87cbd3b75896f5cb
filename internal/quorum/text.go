package quorum

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// MaxText is the longest configuration text in bytes, read or written: an election message has at most
// 524288 bytes, and something else must fit in beside it.
const MaxText = 520_000

// render makes the configuration text of v: its lines in the order in which a java.util.HashMap gives
// them, so that real servers print the same, and no line feed after the version. Rule: QuorumMaj.toString and QuorumHierarchical.toString.
func (v *View) render() string {
	b := make([]byte, 0, 64+96*len(v.spec.Members))
	ids := make([]int64, 0, len(v.spec.Members))
	for _, m := range v.spec.Members {
		ids = append(ids, int64(m.SID))
	}
	for _, id := range hashOrder(ids) {
		b = appendServer(b, &v.spec.Members[v.byID[SID(id)]])
	}
	if v.Hierarchical() {
		b = v.appendGroups(b)
	}
	b = append(b, "version="...)
	b = strconv.AppendUint(b, uint64(v.Version()), 16)
	return string(b)
}

func appendServer(b []byte, m *Member) []byte {
	b = append(b, "server."...)
	b = strconv.AppendInt(b, int64(m.SID), 10)
	for i, a := range m.Addresses {
		b = append(b, "=|"[min(i, 1)])
		b = appendHostPort(b, a.Host, a.QuorumPort)
		b = append(b, ':')
		b = strconv.AppendInt(b, int64(a.ElectionPort), 10)
	}
	b = append(b, ':')
	b = append(b, m.Role.String()...)
	if m.Client != "" && !m.ClientStatic {
		b = append(b, ';')
		b = append(b, m.Client...)
	}
	return append(b, '\n')
}

func (v *View) appendGroups(b []byte) []byte {
	grouped := make([]int64, 0, len(v.groupOf))
	for sid := range v.groupOf {
		grouped = append(grouped, int64(sid))
	}
	members := map[int64][]int64{}
	for _, id := range hashOrder(grouped) {
		g := v.groupOf[SID(id)]
		members[g] = append(members[g], id)
	}
	for _, g := range hashOrder(slices.Collect(maps.Keys(v.spec.Groups))) {
		b = append(b, "group."...)
		b = strconv.AppendInt(b, g, 10)
		for i, id := range members[g] {
			b = append(b, "=:"[min(i, 1)])
			b = strconv.AppendInt(b, id, 10)
		}
		b = append(b, '\n')
	}
	weights := v.Weights()
	weighed := make([]int64, 0, len(weights))
	for sid := range weights {
		weighed = append(weighed, int64(sid))
	}
	for _, id := range hashOrder(weighed) {
		b = append(b, "weight."...)
		b = strconv.AppendInt(b, id, 10)
		b = append(b, '=')
		b = strconv.AppendInt(b, weights[SID(id)], 10)
		b = append(b, '\n')
	}
	return b
}

// hashOrder sorts ids as a java.util.HashMap with keys of type Long iterates over them, and by value
// where two share a bucket: there Java's order depends on the order of insertion.
func hashOrder(ids []int64) []int64 {
	size := uint32(16)
	for len(ids)*4 > int(size)*3 {
		size *= 2
	}
	bucket := func(id int64) uint32 {
		h := uint32(id) ^ uint32(uint64(id)>>32)
		h ^= h >> 16
		return h & (size - 1)
	}
	slices.SortFunc(ids, func(a, b int64) int {
		return cmp.Or(cmp.Compare(bucket(a), bucket(b)), cmp.Compare(a, b))
	})
	return ids
}

// ParseOptions says how a configuration text is judged.
type ParseOptions struct {
	// RefuseMultiAddress refuses a server line with several addresses (multiAddress.enabled=false).
	RefuseMultiAddress bool
	// Standalone is standaloneEnabled: whether one voter alone is a legal ensemble.
	Standalone bool
}

// ParseText reads a configuration text as notifications carry it. Any error means "configuration
// unknown"; the text is hostile until parsed. Memory is bounded by a small multiple of the text, which
// may have MaxText bytes. Rules: QuorumPeer.configFromString.
func ParseText(text string, opt ParseOptions) (*View, error) {
	if len(text) > MaxText {
		return nil, &Problem{Text: "the configuration text is too long"}
	}
	if !utf8.ValidString(text) {
		return nil, &Problem{Text: "the configuration text is not UTF-8"}
	}
	props, bad := ParseProperties(text)
	if len(bad) > 0 {
		return nil, bad[0]
	}
	lines, bad := ReadMembers(props, LineOptions{RefuseMultiAddress: opt.RefuseMultiAddress,
		RefuseForeign: true, IgnoreSecureClient: true, Limit: 1})
	if len(bad) > 0 {
		return nil, bad[0]
	}
	v, err := NewView(lines.Spec)
	if err != nil {
		return nil, err
	}
	if len(v.Members()) == 0 && opt.Standalone {
		return v, nil
	}
	if err := v.CheckVoters(opt.Standalone); err != nil {
		return nil, err
	}
	return v, nil
}
