package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"electnode/internal/quorum"
)

const (
	peerNamesKey = "electnode.peerNames"
	// maxPeerNames bounds the list: every one is compared with every certificate.
	maxPeerNames = 1024
)

// peerNames reads a list of sid=name; a sid may stand in it several times.
func peerNames(o *Own) func(string) error {
	return func(v string) error {
		o.PeerNames = map[quorum.SID][]string{}
		count := 0
		for entry := range strings.SplitSeq(v, ",") {
			if entry = strings.Trim(entry, " \t"); entry == "" {
				continue
			}
			sidText, name, ok := strings.Cut(entry, "=")
			sid, err := strconv.ParseInt(sidText, 10, 64)
			if !ok || err != nil {
				return fmt.Errorf("%s is not of the form 1=zoo1.example", quorum.Quote(entry))
			}
			if name, err = certificateName(name); err != nil {
				return fmt.Errorf("%s: %w", quorum.Quote(entry), err)
			}
			if err := o.bind(quorum.SID(sid), name); err != nil {
				return err
			}
			if count++; count > maxPeerNames {
				return fmt.Errorf("more than %d names", maxPeerNames)
			}
		}
		if count == 0 {
			return errors.New("it names nobody: an entry is of the form 1=zoo1.example")
		}
		return nil
	}
}

// bind adds a name to those of sid. A name of two servers would let each of them speak as the other.
func (o *Own) bind(sid quorum.SID, name string) error {
	for other, names := range o.PeerNames {
		if slices.Contains(names, name) && other != sid {
			return fmt.Errorf("%s belongs to %d and to %d", quorum.Quote(name), min(sid, other), max(sid, other))
		}
	}
	if !slices.Contains(o.PeerNames[sid], name) {
		o.PeerNames[sid] = append(o.PeerNames[sid], name)
	}
	return nil
}

// certificateName reads a DNS name, which becomes lower case, an IP address or a URI, as certificates have them.
func certificateName(text string) (string, error) {
	if ip, err := netip.ParseAddr(text); err == nil {
		if ip.Zone() != "" {
			return "", errors.New("no certificate has an address with a zone")
		}
		return ip.Unmap().String(), nil
	}
	if strings.Contains(text, ":") {
		u, err := url.Parse(text)
		if err != nil || u.Scheme == "" || u.Host == "" || u.String() != text {
			return "", errors.New("it is no DNS name, no IP address and no URI of the form spiffe://example/zoo1")
		}
		return text, nil
	}
	if strings.Contains(text, "*") {
		return "", errors.New("a wildcard names everybody")
	}
	for label := range strings.SplitSeq(text, ".") {
		if label == "" || strings.ContainsFunc(label, notInLabel) {
			return "", errors.New("it is no DNS name, no IP address and no URI")
		}
	}
	return strings.ToLower(text), nil
}

func notInLabel(r rune) bool {
	return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

// checkPeerNames checks what the names need to be a guard: that everybody shows a certificate, and that every member
// has a name.
func (l *loader) checkPeerNames() {
	entry, given := l.values[peerNamesKey]
	if !given || l.failed[peerNamesKey] {
		return
	}
	needs := func(ok bool, key, why string) {
		if name, _, _ := strings.Cut(key, "="); !ok && !l.failed[name] {
			l.fault(l.main, entry.Line, peerNamesKey, "%s needs %s: %s", peerNamesKey, key, why)
		}
	}
	t := &l.cfg.TLS
	needs(t.Quorum, "sslQuorum=true", "without TLS nobody shows a certificate")
	needs(!t.PortUnification, "portUnification=false", "whoever comes without TLS shows no certificate")
	needs(t.ClientAuth == "need", "ssl.quorum.clientAuth=need", "otherwise callers may come without a certificate")
	var missing []quorum.SID
	for _, v := range []*quorum.View{l.cfg.View, l.cfg.LastSeen} {
		if v == nil {
			continue
		}
		for _, m := range v.Members() {
			if l.cfg.Own.PeerNames[m.SID] == nil && !slices.Contains(missing, m.SID) {
				missing = append(missing, m.SID)
			}
		}
	}
	if len(missing) > 0 {
		l.fault(l.main, entry.Line, peerNamesKey, "%s has no name for %s: every member needs one", peerNamesKey,
			strings.Trim(fmt.Sprint(missing), "[]"))
	}
}
