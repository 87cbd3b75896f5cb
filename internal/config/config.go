package config

import (
	"math"
	"net"
	"slices"
	"strconv"
	"time"

	"electnode/internal/quorum"
)

// Config is a checked configuration. Nobody changes one after it was loaded.
type Config struct {
	File string // zoo.cfg as it was named, or "environment"

	MyID     quorum.SID
	Role     quorum.Role // by the server list, whatever peerType says
	View     *quorum.View
	LastSeen *quorum.View // proposed and newer than View (FILE.dynamic.next); nil if there is none
	// Distributed is false for one voter with standaloneEnabled=true: no election is needed, and the
	// limits may be unset.
	Distributed     bool
	Standalone      bool // standaloneEnabled [true]
	ReconfigEnabled bool // whether a newer configuration of a peer may be adopted [false]

	Tick         time.Duration // tickTime [3 s]
	InitLimit    int           // ticks; 0 when it was not given
	SyncLimit    int           // ticks; 0 when it was not given
	ConnectLimit int           // ticks, connectToLearnerMasterLimit [0]; not positive: InitLimit is meant

	DataDir       string
	DataLogDir    string // DataDir unless given
	ClientAddress string // host:port of this server's client port, empty for none

	ListenOnAllIPs bool // quorumListenOnAllIPs [false]
	// MultiAddress is multiAddress.enabled: on when written so, or when a server line has several
	// addresses. MultiAddressRefused says that it was written as false: then no text may have some.
	MultiAddress        bool
	MultiAddressRefused bool
	ReachabilityCheck   bool          // multiAddress.reachabilityCheckEnabled [true]
	ReachabilityTimeout time.Duration // multiAddress.reachabilityCheckTimeoutMs [1 s]

	Network  Network
	TLS      TLS
	SASL     SASL
	Own      Own
	Commands []string // 4lw.commands.whitelist, sorted, always with srvr; or just "*"

	PassedThrough map[string]string // keys that the reference does not know, and their values
	Ignored       []string          // those of PassedThrough that have no effect here, sorted
	Unused        []Unused          // keys that were checked and have no use here, for the debug log

	rest rest
	next *quorum.View // FILE.dynamic.next, whatever its version
}

// Network is how the node talks and how long it waits.
type Network struct {
	MinNotification        time.Duration // first wait for notifications [200 ms], doubled up to
	MaxNotification        time.Duration // the longest one [60 s]
	CnxnTimeout            time.Duration // quorumCnxnTimeoutMs; 0: tick x syncLimit
	ConnectTimeout         time.Duration // cnxTimeout [5 s]
	BindRetry              int           // electionPortBindRetry [3]; 0: for ever
	KeepAlive              bool          // tcpKeepAlive [false]
	ObserverElectionDelay  time.Duration // observer.election.DelayMs [200 ms]
	ObserverReconnectDelay time.Duration // observer.reconnectDelayMs [0]
	MaxWaitForEpoch        time.Duration // leader.maxTimeToWaitForEpoch; negative: no limit [-1 ms]
	LeaderConnectDelay     time.Duration // leaderConnectDelayDuringRetryMs [100 ms]
}

// SASL is authentication between servers, which electnode does not speak; it is checked all the same.
type SASL struct {
	Enabled          bool
	LearnerRequired  bool
	ServerRequired   bool
	ServicePrincipal string
	LearnerContext   string
	ServerContext    string
}

// Unused is a key that was checked and is not used by an election node.
type Unused struct {
	Key, Value string
	Line       int
}

// rest is what only Effective shows.
type rest struct {
	electionAlg      int
	clientPort       int
	clientHost       string
	minSession       int // ms; -1: 2 ticks
	maxSession       int // ms; -1: 20 ticks
	securePort       int
	secureHost       string
	localSessions    bool
	localUpgrading   bool
	syncEnabled      bool
	snapRetain       int
	purgeInterval    int
	threads          int
	metricsClass     string
	metricsConfig    map[string]string
	peerType         quorum.Role
	ignored          int   // target of numbers that nobody asks for
	ignoredLong      int64 // likewise
	ignoredFlag      bool  // likewise
	multiAddressKey  bool
	dynamicFile      string
	dynamicFileGiven bool
}

// defaults is a Config before anything was read.
func defaults(file string) *Config {
	return &Config{
		File: file, Standalone: true, Tick: 3 * time.Second, ReachabilityCheck: true,
		ReachabilityTimeout: time.Second, Commands: []string{"srvr"},
		Network: Network{
			MinNotification: 200 * time.Millisecond, MaxNotification: time.Minute, ConnectTimeout: 5 * time.Second,
			BindRetry: 3, ObserverElectionDelay: 200 * time.Millisecond, MaxWaitForEpoch: -time.Millisecond,
			LeaderConnectDelay: 100 * time.Millisecond,
		},
		TLS: defaultTLS(),
		SASL: SASL{ServicePrincipal: "zkquorum/localhost", LearnerContext: "QuorumLearner",
			ServerContext: "QuorumServer"},
		Own:           Own{Voter: VoterStrict},
		PassedThrough: map[string]string{},
		rest: rest{electionAlg: 3, minSession: -1, maxSession: -1, syncEnabled: true, snapRetain: 3,
			metricsConfig: map[string]string{}},
	}
}

// Self is this server's own line.
func (c *Config) Self() quorum.Member {
	m, _ := c.View.Member(c.MyID)
	return m
}

// ElectionListen lists the addresses to bind for elections, host:port: this server's own, or with
// quorumListenOnAllIPs the wildcard (an empty host) for each distinct port.
func (c *Config) ElectionListen() []string {
	return c.listen(func(a quorum.Address) int { return a.ElectionPort })
}

// QuorumListen lists the addresses to bind for followers, by the same rule.
func (c *Config) QuorumListen() []string {
	return c.listen(func(a quorum.Address) int { return a.QuorumPort })
}

func (c *Config) listen(port func(quorum.Address) int) []string {
	var all []string
	for _, a := range c.Self().Addresses {
		host := a.Host
		if c.ListenOnAllIPs {
			host = ""
		}
		if addr := net.JoinHostPort(host, strconv.Itoa(port(a))); !slices.Contains(all, addr) {
			all = append(all, addr)
		}
	}
	return all
}

// Announce lists this server's own election addresses as configured, host:port, for the preamble.
func (c *Config) Announce() []string {
	var all []string
	for _, a := range c.Self().Addresses {
		all = append(all, quorum.JoinHostPort(a.Host, a.ElectionPort))
	}
	return all
}

// HandshakeTimeout is how long the preamble of an election connection may take: quorumCnxnTimeoutMs if
// positive, else tick x syncLimit, and 5 s for a server that has no syncLimit because it is alone.
func (c *Config) HandshakeTimeout() time.Duration {
	switch {
	case c.Network.CnxnTimeout > 0:
		return c.Network.CnxnTimeout
	case c.SyncLimit > 0:
		return ticks(c.Tick, c.SyncLimit)
	default:
		return 5 * time.Second
	}
}

// InitTicks is initLimit, and 10 for a server without one: it is alone and nobody waits for it.
func (c *Config) InitTicks() int {
	if c.InitLimit > 0 {
		return c.InitLimit
	}
	return 10
}

// SyncTicks is syncLimit, and 5 for a server without one.
func (c *Config) SyncTicks() int {
	if c.SyncLimit > 0 {
		return c.SyncLimit
	}
	return 5
}

// ParseOptions says how configuration texts of peers are judged here.
func (c *Config) ParseOptions() quorum.ParseOptions {
	return quorum.ParseOptions{RefuseMultiAddress: c.MultiAddressRefused, Standalone: c.Standalone}
}

// AllowsCommand reports whether the four-letter word may be answered.
func (c *Config) AllowsCommand(word string) bool {
	return slices.Contains(c.Commands, word) || slices.Contains(c.Commands, "*")
}

// ticks is n ticks, at most the longest duration there is.
func ticks(tick time.Duration, n int) time.Duration {
	if n > 0 && tick > math.MaxInt64/time.Duration(n) {
		return math.MaxInt64
	}
	return tick * time.Duration(n)
}
