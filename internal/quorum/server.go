package quorum

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// LineOptions says how member lines are judged.
type LineOptions struct {
	RefuseMultiAddress bool // several addresses in a server line are an error (multiAddress.enabled=false)
	RefuseForeign      bool // keys that are not server.N, group*, weight* or version are an error
	// IgnoreSecureClient drops the third part of a server line, which newer releases write, instead of
	// refusing the line.
	IgnoreSecureClient bool
	Limit              int // problems to report before giving up; 0 means 100
}

const serverForm = "expected host:quorumPort:electionPort[:role][;[clientHost:]clientPort]"

// Server is what one server line says.
type Server struct {
	Member  Member
	Several bool // the line lists several addresses, be they equal
}

// ParseServer reads the value of the line key, which is the one of server sid:
//
//	address { "|" address } [ ";" [ clientHost ":" ] clientPort ]
//	address = host ":" quorumPort ":" electionPort [ ":" role ]
//
// Empty pieces at an end are dropped, as Java's String.split does; hosts are not resolved.
// Differs from ZooKeeper: "," means "|" (D1); what D4 lists is refused.
// Rule: QuorumPeer.QuorumServer.
func ParseServer(key string, sid SID, value string, opt LineOptions) (Server, *Problem) {
	p := serverParser{key: key, value: value}
	srv := Server{Member: Member{SID: sid}}
	parts := javaSplit(value, ";")
	most := 2
	if opt.IgnoreSecureClient {
		most = 3
	}
	if len(parts) == 0 || len(parts) > most {
		return srv, p.form()
	}
	pieces := javaSplit(strings.ReplaceAll(parts[0], ",", "|"), "|")
	if len(pieces) == 0 {
		return srv, p.fault("%s: %s: a server needs an address", key, Quote(value))
	}
	srv.Several = len(pieces) > 1
	if srv.Several && opt.RefuseMultiAddress {
		return srv, p.fault("%s has several addresses, but multiAddress.enabled is false", key)
	}
	if problem := p.addresses(&srv.Member, pieces); problem != nil {
		return srv, problem
	}
	if len(parts) > 1 && parts[1] != "" {
		client, problem := p.client(parts[1])
		if problem != nil {
			return srv, problem
		}
		srv.Member.Client = client
	}
	return srv, nil
}

// serverParser is the state of one ParseServer.
type serverParser struct{ key, value string }

func (p serverParser) fault(format string, args ...any) *Problem {
	return &Problem{Key: p.key, Text: fmt.Sprintf(format, args...)}
}

func (p serverParser) form() *Problem {
	return p.fault("%s: %s: %s", p.key, Quote(p.value), serverForm)
}

// addresses reads the pieces into m: the addresses in their canonical order, and the role.
func (p serverParser) addresses(m *Member, pieces []string) *Problem {
	roleSeen := false
	for _, piece := range pieces {
		fields, problem := p.fields(piece)
		if problem != nil {
			return problem
		}
		if len(fields) < 3 || len(fields) > 4 {
			return p.form()
		}
		a, problem := p.address(fields)
		if problem != nil {
			return problem
		}
		m.Addresses = append(m.Addresses, a)
		if len(fields) == 4 {
			role, err := ParseRole(fields[3])
			if err != nil {
				return p.fault("%s: %v", p.key, err)
			}
			if roleSeen && role != m.Role {
				return p.fault("%s: its addresses have different roles", p.key)
			}
			m.Role, roleSeen = role, true
		}
	}
	if len(m.Addresses) > 1 {
		return p.pair(m)
	}
	return nil
}

// fields cuts an address, or a client part, at its colons; a host in brackets may contain some.
func (p serverParser) fields(piece string) ([]string, *Problem) {
	if !strings.HasPrefix(piece, "[") {
		return javaSplit(piece, ":"), nil
	}
	host, rest, closed := strings.Cut(piece[1:], "]")
	if !closed || !strings.HasPrefix(rest, ":") {
		return nil, p.fault(`%s: %s: "[" without "]:"`, p.key, Quote(p.value))
	}
	if rest == ":" {
		return nil, p.form()
	}
	return append([]string{host}, javaSplit(rest[1:], ":")...), nil
}

// address reads host and ports; the role, if there is one, is left to the caller.
func (p serverParser) address(fields []string) (Address, *Problem) {
	if why := usableHost(fields[0]); why != "" {
		return Address{}, p.fault("%s: %s: %s", p.key, Quote(p.value), why)
	}
	quorumPort, problem := p.port(fields[1])
	if problem != nil {
		return Address{}, problem
	}
	electionPort, problem := p.port(fields[2])
	if problem != nil {
		return Address{}, problem
	}
	if quorumPort == electionPort {
		return Address{}, p.fault("%s: quorum port and election port are both %d", p.key, quorumPort)
	}
	return Address{Host: NormalHost(fields[0]), QuorumPort: quorumPort, ElectionPort: electionPort}, nil
}

func (p serverParser) port(text string) (int, *Problem) {
	n, err := ParsePort(text)
	if err != nil {
		return 0, p.fault("%s: %v", p.key, err)
	}
	return n, nil
}

// pair puts the addresses of m into their order, drops those given twice, and refuses two that share a
// host and one of the ports: the two sets of addresses that ZooKeeper makes could not be paired again.
func (p serverParser) pair(m *Member) *Problem {
	type endpoint struct {
		host string
		port int
	}
	kept := m.Addresses[:0]
	quorums, elections := map[endpoint]int{}, map[endpoint]int{}
	for _, a := range m.Addresses {
		host := lowerASCII(a.Host)
		q, e := endpoint{host, a.QuorumPort}, endpoint{host, a.ElectionPort}
		i, knownQuorum := quorums[q]
		j, knownElection := elections[e]
		if knownQuorum && knownElection && i == j {
			continue
		}
		if knownQuorum || knownElection {
			return p.fault("%s: %s: two of its addresses share the host and one of the ports", p.key, Quote(p.value))
		}
		quorums[q], elections[e] = len(kept), len(kept)
		kept = append(kept, a)
	}
	m.Addresses = kept
	sortAddresses(m.Addresses)
	return nil
}

// sortAddresses orders by host, then quorum port; ZooKeeper's order of one host's ports is not defined.
func sortAddresses(all []Address) {
	slices.SortStableFunc(all, func(a, b Address) int {
		return cmp.Or(compareUTF16(a.Host, b.Host), cmp.Compare(a.QuorumPort, b.QuorumPort))
	})
}

// client reads the part after the semicolon: a port, or host and port.
func (p serverParser) client(part string) (string, *Problem) {
	fields, problem := p.fields(part)
	if problem != nil {
		return "", problem
	}
	host := "0.0.0.0"
	switch len(fields) {
	case 1:
	case 2:
		host = fields[0]
	default:
		return "", p.form()
	}
	if why := usableHost(host); why != "" {
		return "", p.fault("%s: %s: client part: %s", p.key, Quote(p.value), why)
	}
	port, problem := p.port(fields[len(fields)-1])
	if problem != nil {
		return "", problem
	}
	return JoinHostPort(NormalHost(host), port), nil
}

// ParsePort reads a decimal port, 0 to 65535; a sign and leading zeros are allowed, as in Java.
func ParsePort(text string) (int, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 || n > 65535 {
		return 0, fmt.Errorf("%s is not a port (0-65535)", Quote(text))
	}
	return int(n), nil
}

// ParseRole reads a role in any letter case, blanks and control characters around it dropped.
func ParseRole(text string) (Role, error) {
	switch lowerASCII(JavaTrim(text)) {
	case "participant":
		return Participant, nil
	case "observer":
		return Observer, nil
	}
	return Participant, fmt.Errorf("unknown role %s (participant or observer)", Quote(text))
}

// JavaTrim drops all characters up to U+0020 from both ends, as Java's String.trim does; 0x85 and 0xA0,
// which Go's TrimSpace drops too, stay.
func JavaTrim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
}

// javaSplit cuts s at sep, one character, and drops empty pieces at the end, as Java's String.split does:
// the empty text is one empty piece, a text of separators alone is none.
func javaSplit(s, sep string) []string {
	if s == "" {
		return []string{""}
	}
	s = strings.TrimRight(s, sep)
	if s == "" {
		return nil
	}
	return strings.Split(s, sep)
}

// lowerASCII maps A to Z and nothing else: unlike with Unicode folding no other letter can become one of
// those that are compared.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
