package event

import (
	"time"

	"electnode/internal/quorum"
)

// ConnectionAttempt is one dial to a peer's election address, hand-shake included. Of dials to quorum addresses only
// those are told that end with DialTLS or DialIdentity.
type ConnectionAttempt struct {
	Peer     quorum.SID
	Address  string // host:port as dialled
	Result   string // one of the Dial constants
	Detail   string // the error, if any
	Duration time.Duration
}

// Results of a dial: a closed set, fit for a label.
const (
	DialConnected  = "connected"
	DialRefused    = "refused"
	DialTimeout    = "timeout"
	DialUnresolved = "unresolved" // the name has no address
	DialNoAddress  = "no_address" // the peer is in no configuration
	DialTLS        = "tls"        // no TLS there, or a certificate that one side does not accept
	DialIdentity   = "identity"   // who answers may not speak as the peer
	DialError      = "error"
)

// DialResults lists every result of a dial.
func DialResults() []string {
	return []string{DialConnected, DialRefused, DialTimeout, DialUnresolved, DialNoAddress, DialTLS, DialIdentity, DialError}
}

// TieBreakSide says which end of a new connection this node is.
type TieBreakSide string

// The two ends of a connection.
const (
	Dialler  TieBreakSide = "dialler"
	Acceptor TieBreakSide = "acceptor"
)

// TieBreakOutcome says what became of a new connection.
type TieBreakOutcome string

// Outcomes of a tie-break. The connection that stays is the one the larger sid dialled.
const (
	TieKept           TieBreakOutcome = "kept"
	TieDropped        TieBreakOutcome = "dropped"
	TieDroppedDialled TieBreakOutcome = "dropped_and_dialled_back"
	TieReplacedOld    TieBreakOutcome = "replaced_old"
)

// TieBreakOutcomes lists every TieBreakOutcome.
func TieBreakOutcomes() []TieBreakOutcome {
	return []TieBreakOutcome{TieKept, TieDropped, TieDroppedDialled, TieReplacedOld}
}

// TieBreakSides lists both sides.
func TieBreakSides() []TieBreakSide { return []TieBreakSide{Dialler, Acceptor} }

// ConnectionTieBreak says what the rule of one connection per pair did with a new connection.
type ConnectionTieBreak struct {
	Peer    quorum.SID
	Side    TieBreakSide
	Outcome TieBreakOutcome
}

// ConnectionUp says that there is an election connection with Peer now.
type ConnectionUp struct {
	Peer        quorum.SID
	DialledByUs bool
	Remote      string
}

// ConnectionDown says that the election connection with Peer ended.
type ConnectionDown struct {
	Peer   quorum.SID
	Reason string // one of the Drop constants
	Detail string
}

// Reasons why an election connection ends: a closed set, fit for a label.
const (
	DropClosed       = "closed"        // the peer closed it
	DropReset        = "reset"         // the peer or the network broke it
	DropReplaced     = "replaced"      // a newer connection of the same pair took its place
	DropBadFrame     = "bad_frame"     // a frame length outside 1..524288
	DropWriteTimeout = "write_timeout" // the peer did not read
	DropEvicted      = "evicted"       // a stranger's connection gave way to another stranger's
	DropStopped      = "stopped"       // this node is shutting down
	DropFault        = "fault"         // cut on request
	DropIdentity     = "identity"      // a stranger's, whose server id has become a member's
	DropTLS          = "tls"           // the peer refuses this node's certificate, which TLS 1.3 lets it do after the hand-shake
)

// DropReasons lists every reason.
func DropReasons() []string {
	return []string{DropClosed, DropReset, DropReplaced, DropBadFrame, DropWriteTimeout, DropEvicted,
		DropStopped, DropFault, DropIdentity, DropTLS}
}

// HandshakeCompleted says that a peer's preamble was read and understood.
type HandshakeCompleted struct {
	Peer     quorum.SID
	Form     string // "bare", "v1" or "v2"
	Duration time.Duration
}

// The ports of a server.
const (
	PortElection = "election"
	PortQuorum   = "quorum"
	PortClient   = "client"
	PortHTTP     = "http"
)

// Ports lists every port.
func Ports() []string { return []string{PortElection, PortQuorum, PortClient, PortHTTP} }

// HandshakeRejected says that an incoming connection was closed before it became a link, or a client of HTTP was
// turned away.
type HandshakeRejected struct {
	Port     string // one of the Port constants
	Remote   string
	Reason   string // one of the Reject constants
	Detail   string
	Duration time.Duration
	// More is how many others of this port and reason, shortly before, are told by this event as well: of a flood
	// only some are told by themselves.
	More uint64
}

// Reasons why a hand-shake is rejected: a closed set, fit for a label.
const (
	RejectSilent      = "silent"       // nothing, or not all of it, came before the deadline
	RejectProtocol    = "protocol"     // neither a sid nor a known protocol version
	RejectLength      = "length"       // an address text outside 1..2048 bytes
	RejectAddress     = "address"      // an address text that is none
	RejectClosed      = "closed"       // the other side closed before it was done
	RejectOwnSID      = "own_sid"      // somebody else claims to be this node
	RejectTooMany     = "too_many"     // the bound on half-open or unknown connections is reached
	RejectTLS         = "tls"          // no TLS, or a certificate that is not accepted
	RejectIdentity    = "identity"     // it may not speak as the server that it claims to be
	RejectFirstPacket = "first_packet" // quorum port: the first packet is not a learner's
	RejectLegacy      = "legacy"       // quorum port: a learner from before 3.4
)

// RejectReasons lists every reason.
func RejectReasons() []string {
	return []string{RejectSilent, RejectProtocol, RejectLength, RejectAddress, RejectClosed, RejectOwnSID,
		RejectTooMany, RejectTLS, RejectIdentity, RejectFirstPacket, RejectLegacy}
}

// ListenFailed says that an address could not be bound, or stopped accepting; a retry follows unless
// Final.
type ListenFailed struct {
	Address string
	Port    string // one of the Port constants
	Detail  string
	Final   bool
}

// PeerResolved says what a peer's host name led to when it was looked up for a dial.
type PeerResolved struct {
	Peer      quorum.SID
	Host      string
	Addresses []string // empty when it failed
	Detail    string   // the error, if any
}

// CertificateRenewed says that the stores of TLS between servers were read: at the start of the node, and whenever their
// files have changed.
type CertificateRenewed struct {
	Start    bool      // at the start: nothing was renewed
	OK       bool      // what was read is in force; false: the former stores stay
	NotAfter time.Time // of the own certificate that is in force now; zero: there is none
	Detail   string    // whose certificate it is, or why the former stores stay
}
