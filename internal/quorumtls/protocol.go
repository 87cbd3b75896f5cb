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

// suites finds the cipher suites, which Go and Java call by the same names. Those that Go does not know are
// left out, as long as one remains; those of TLS 1.3 cannot be chosen.
func suites(names []string) ([]uint16, error) {
	if len(names) == 0 {
		return nil, nil
	}
	known := map[string]uint16{}
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		known[s.Name] = s.ID
	}
	known["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"] = tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
	known["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"] = tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
	var ids []uint16
	for _, name := range names {
		if id, ok := known[strings.TrimSpace(name)]; ok {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil, errors.New("electnode knows none of " + strings.Join(names, ","))
	}
	return ids, nil
}
