package quorumtls

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"

	"electnode/internal/config"
)

// versions is the range of the protocols that c allows; a hole in it is closed.
func versions(c config.TLS) (lowest, highest uint16, err error) {
	numbers := map[string]uint16{"TLSv1": tls.VersionTLS10, "TLSv1.1": tls.VersionTLS11,
		"TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13}
	enabled := c.EnabledProtocols
	if len(enabled) == 0 {
		enabled = []string{c.Protocol}
	}
	var all []uint16
	for _, name := range enabled {
		n, ok := numbers[strings.TrimSpace(name)]
		if !ok {
			return 0, 0, fmt.Errorf("%q is none of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3", name)
		}
		all = append(all, n)
	}
	return slices.Min(all), slices.Max(all), nil
}

// suites finds the cipher suites, which Go and Java call by the same names. Those that Go does not know are left out, as
// long as one remains; those of TLS 1.3 cannot be chosen. doubt says, for people, where that is not what the list asks for.
func suites(list []string, highest uint16) (ids []uint16, doubt string, err error) {
	if len(list) == 0 {
		return nil, "", nil
	}
	known, late := map[string]uint16{}, map[string]bool{}
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		known[s.Name] = s.ID
		late[s.Name] = !slices.Contains(s.SupportedVersions, tls.VersionTLS12)
	}
	known["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"] = tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
	known["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"] = tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
	var unknown, idle []string
	for _, name := range list {
		name = strings.TrimSpace(name)
		switch id, ok := known[name]; {
		case !ok:
			unknown = append(unknown, name)
		case late[name] && highest < tls.VersionTLS13:
			idle = append(idle, name)
		default:
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil, "", errors.New("there is none that electnode can use in " + strings.Join(list, ","))
	}
	var added []string
	for _, s := range tls.CipherSuites() {
		if late[s.Name] && highest >= tls.VersionTLS13 && !slices.Contains(ids, s.ID) {
			added = append(added, s.Name)
		}
	}
	return ids, suiteDoubt(unknown, idle, added), nil
}

// suiteDoubt is one line about the cipher suites that are not as the list has them; empty: all are.
func suiteDoubt(unknown, idle, added []string) string {
	var parts []string
	for _, p := range []struct {
		names []string
		what  string
	}{{unknown, "left out, because electnode does not know them"}, {idle, "without effect, because TLS 1.3 is not enabled"},
		{added, "added, because those of TLS 1.3 cannot be chosen"}} {
		if len(p.names) > 0 {
			parts = append(parts, p.what+": "+strings.Join(p.names, ","))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "ssl.quorum.ciphersuites: " + strings.Join(parts, "; ")
}
