package qcm

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// splitAddress reads one part of a preamble's address text: host:port, or [addr]:port for IPv6. It
// resolves nothing. Rule: ConfigUtils.getHostAndPort, InitialMessage.parse.
// Differs from ZooKeeper: a port outside 1..65535 is refused (there it ends the listener), and so are an
// empty host (there it means the local host) and one with blanks or unprintable characters.
func splitAddress(part string) (host string, port int, err error) {
	var digits string
	if rest, ok := strings.CutPrefix(part, "["); ok {
		var closed bool
		if host, digits, closed = strings.Cut(rest, "]:"); !closed {
			return "", 0, errors.New("bracket without its counterpart, or no port after it")
		}
		if ip, err := netip.ParseAddr(host); err != nil || !ip.Is6() {
			return "", 0, errors.New("no IPv6 address in the brackets")
		}
	} else {
		fields := strings.Split(part, ":")
		if len(fields) != 2 {
			return "", 0, fmt.Errorf("%d fields instead of host:port", len(fields))
		}
		host, digits = fields[0], fields[1]
	}
	if host == "" || !utf8.ValidString(host) || strings.ContainsFunc(host, notInHost) {
		return "", 0, errors.New("no host name")
	}
	port, err = strconv.Atoi(digits)
	if err != nil || digits[0] == '+' || port < 1 || port > 65535 {
		return "", 0, errors.New("port is no number from 1 to 65535")
	}
	return host, port, nil
}

func notInHost(r rune) bool {
	return unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune("|/[]", r)
}

// wildcard reports whether host is the address that means every address: 0.0.0.0 or :: in any spelling.
func wildcard(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.WithZone("").Unmap().IsUnspecified()
}

// javaAddress prints an address as Java does: IPv6 without compression and in brackets.
func javaAddress(host string, port int) string {
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Unmap().Is4() {
		if err == nil {
			host = ip.Unmap().String()
		}
		return host + ":" + strconv.Itoa(port)
	}
	b := []byte{'['}
	for i, raw := 0, ip.As16(); i < 16; i += 2 {
		if i > 0 {
			b = append(b, ':')
		}
		b = strconv.AppendUint(b, uint64(raw[i])<<8|uint64(raw[i+1]), 16)
	}
	return string(append(b, ']', ':')) + strconv.Itoa(port)
}

// dialAddress prints an address as Go dials it; equal addresses are equal texts.
func dialAddress(host string, port int) string {
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.Unmap().String()
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}
