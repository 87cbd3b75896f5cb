package node

import (
	"slices"
	"strings"
	"testing"

	"electnode/internal/event"
	"electnode/internal/identity"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
)

// TestGuard: the guard of a node judges by the views of the node. Servers 1 and 2 come from where they should and elect one
// of them; 1 knows 3 elsewhere and refuses it. What is to be told first stands behind NodeStarted.
func TestGuard(t *testing.T) {
	c := newCluster(t, loopback(t, 3, 0), tcp)
	c.adjust = func(sid quorum.SID, o *Options) {
		o.Opening = []event.Event{event.CertificateRenewed{Start: true, OK: true}}
		if sid != 1 {
			return
		}
		spec := quorum.Spec{Members: slices.Clone(c.view.Members())}
		at := spec.Members[2].Addresses[0]
		at.Host = "127.0.0.9"
		spec.Members[2].Addresses = []quorum.Address{at}
		view, err := quorum.NewView(spec)
		if err != nil {
			t.Fatal(err)
		}
		o.Core.Election.View = view
		o.Guard = identity.New(identity.Options{Addresses: true, Resolver: qcm.TCP{}})
	}
	c.start(1, 2)
	c.established(0, 1, 2)
	for sid := quorum.SID(1); sid <= 2; sid++ {
		var names []string
		for _, s := range c.seen() {
			if s.Node == sid && len(names) < 2 && (s.Event.Name() == "NodeStarted" || s.Event.Name() == "CertificateRenewed") {
				names = append(names, s.Event.Name())
			}
		}
		if strings.Join(names, " ") != "NodeStarted CertificateRenewed" {
			t.Errorf("server %d: %v", sid, names)
		}
	}
	mark := c.mark()
	c.start(3)
	c.await(mark, "server 1 refuses 3", func(s event.Stamped) bool {
		r, ok := s.Event.(event.HandshakeRejected)
		return ok && s.Node == 1 && r.Reason == event.RejectIdentity && r.Port == event.PortElection &&
			strings.HasSuffix(r.Detail, " as server 3: 127.0.0.1 is none of its addresses: 127.0.0.9")
	})
	for _, s := range c.seen() {
		if r, ok := s.Event.(event.HandshakeRejected); ok && r.Reason == event.RejectIdentity && (s.Node != 1 || !strings.Contains(r.Detail, "server 3")) {
			t.Errorf("server %d: %+v", s.Node, r)
		}
	}
}

// seen is a copy of the events so far.
func (c *cluster) seen() []event.Stamped {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.events)
}
