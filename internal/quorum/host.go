package quorum

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// NormalHost gives an IP literal the form that configuration texts have: IPv6 as eight lower-case groups
// without "::", an IPv4-mapped address as IPv4, a numeric zone as a plain number. Everything else, a
// literal with a named zone included, stays as typed.
// Differs from ZooKeeper: "127.1", "1" and "010.1.2.3" stay as typed, Java reads them as IPv4 addresses.
func NormalHost(host string) string {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	zone := addr.Zone()
	if zone != "" && addr.Is4In6() {
		return host
	}
	addr = addr.WithZone("").Unmap()
	if addr.Is4() {
		return addr.String()
	}
	if zone != "" {
		n, err := strconv.ParseUint(zone, 10, 31)
		if err != nil {
			return host
		}
		zone = "%" + strconv.FormatUint(n, 10)
	}
	var s strings.Builder
	b := addr.As16()
	for i := 0; i < len(b); i += 2 {
		if i > 0 {
			s.WriteByte(':')
		}
		s.WriteString(strconv.FormatUint(uint64(b[i])<<8|uint64(b[i+1]), 16))
	}
	return s.String() + zone
}

// JoinHostPort is "host:port", with brackets around a host that has colons.
func JoinHostPort(host string, port int) string { return string(appendHostPort(nil, host, port)) }

func appendHostPort(b []byte, host string, port int) []byte {
	if strings.Contains(host, ":") {
		b = append(append(append(b, '['), host...), ']')
	} else {
		b = append(b, host...)
	}
	return strconv.AppendInt(append(b, ':'), int64(port), 10)
}

// usableHost says why host cannot stand in a server line; empty when it can.
// Differs from ZooKeeper: it takes any text and then prints a configuration that its peers cannot read,
// or read as something else (difference D4).
func usableHost(host string) string {
	if host == "" {
		return "a host is missing"
	}
	if isBlank(host[0]) {
		return "a host begins with a blank"
	}
	for i := 0; i < len(host); i++ {
		switch c := host[i]; {
		case c < 0x20 || c == 0x7f:
			return "a host has a control character"
		case c == '\\' || c == '[' || c == ']':
			return "a host has a backslash or a bracket"
		}
	}
	return ""
}

// compareUTF16 orders texts by their UTF-16 code units, as Java does; it differs from the order of bytes
// only beyond U+FFFF.
func compareUTF16(a, b string) int {
	if isASCII(a) && isASCII(b) {
		return strings.Compare(a, b)
	}
	return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
