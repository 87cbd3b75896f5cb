package config

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"electnode/internal/quorum"
)

// Own holds electnode's own settings: the keys that begin with "electnode.". A real server passes them
// through without any effect.
type Own struct {
	Voter VoterPolicy // electnode.voter [strict]
	// LabZxid is what the node votes and reports instead of 0 (electnode.lab.lastZxid), 0 for nothing of
	// the kind: for demonstrations and tests only.
	LabZxid quorum.Zxid
	// WebPeers are the HTTP addresses of the members (electnode.web.peers), for a page that shows all of them; that
	// of this node may be among them. Empty: the page shows this node alone.
	WebPeers []string
	// PeerNames are the certificate names of each server (electnode.peerNames), at least one for every member; DNS names
	// in lower case, no name twice. Nil: a trusted certificate may speak as any server.
	PeerNames map[quorum.SID][]string
	// CheckPeerAddress lets members come only from where their server lines lead (electnode.checkPeerAddress) [false].
	CheckPeerAddress bool
}

// VoterPolicy is what a participant without data does among servers that may have some.
type VoterPolicy string

// The policies.
const (
	VoterStrict VoterPolicy = "strict" // never vouch for history that this node does not hold
	VoterEcho   VoterPolicy = "echo"   // acknowledge whatever the others hold
	VoterRefuse VoterPolicy = "refuse" // do not run as a participant at all
)

// ownKeys is the table of electnode's own keys: a setting is added by adding its line here and its field
// to Own. A key that begins with "electnode." and is not in it is refused.
func (l *loader) ownKeys() []key {
	o := &l.cfg.Own
	return []key{
		{"electnode.voter", l.voter(o)},
		{"electnode.lab.lastZxid", l.labZxid(o)},
		{"electnode.web.peers", webPeers(o)},
		{peerNamesKey, peerNames(o)},
		{"electnode.checkPeerAddress", boolean(&o.CheckPeerAddress)},
	}
}

func (l *loader) voter(o *Own) func(string) error {
	return func(v string) error {
		switch o.Voter = VoterPolicy(v); o.Voter {
		case VoterEcho:
			l.warn(WarnVoterEcho, l.main, l.values["electnode.voter"].Line, "electnode.voter",
				"electnode.voter=echo: this node vouches for history that it does not hold; only for servers known to be empty")
		case VoterStrict, VoterRefuse:
		default:
			o.Voter = VoterStrict
			return fmt.Errorf("%s must be strict, echo or refuse", quorum.Quote(v))
		}
		return nil
	}
}

// maxWebPeers bounds the list: a page asks each of them every second.
const maxWebPeers = 99

func webPeers(o *Own) func(string) error {
	return func(v string) error {
		o.WebPeers = nil
		for _, text := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
			u, err := url.Parse(text)
			if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
				return fmt.Errorf("%s is no address of the form http://zoo1:7000", quorum.Quote(text))
			}
			o.WebPeers = append(o.WebPeers, strings.TrimRight(text, "/"))
		}
		if len(o.WebPeers) > maxWebPeers {
			return fmt.Errorf("%d addresses: %d at most", len(o.WebPeers), maxWebPeers)
		}
		return nil
	}
}

func (l *loader) labZxid(o *Own) func(string) error {
	return func(v string) error {
		digits, ok := strings.CutPrefix(v, "0x")
		n, err := strconv.ParseUint(digits, 16, 63)
		if !ok || err != nil {
			return fmt.Errorf("%s is not a zxid of the form 0x500000001", quorum.Quote(v))
		}
		if o.LabZxid = quorum.Zxid(n); n != 0 {
			l.warn(WarnLabZxid, l.main, l.values["electnode.lab.lastZxid"].Line, "electnode.lab.lastZxid",
				"electnode.lab.lastZxid: this node claims the zxid %s, which it does not hold; for tests and demonstrations only", o.LabZxid)
		}
		return nil
	}
}
