package config

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"electnode/internal/quorum"
)

// Effective is what is in force, as "electnode config --json" prints it. Pointers are null, or left out,
// where the specification says so; fields with omitempty are left out when they have their default.
// The names are a contract with programs that read them.
type Effective struct {
	MyID         quorum.SID `json:"my_id"`
	Distributed  bool       `json:"distributed"`
	TickTime     int64      `json:"tick_time_ms"`
	InitLimit    int        `json:"init_limit"`
	SyncLimit    int        `json:"sync_limit"`
	ConnectLimit int        `json:"connect_to_learner_master_limit,omitempty"`
	MinSession   *int       `json:"min_session_timeout_ms,omitempty"`
	MaxSession   *int       `json:"max_session_timeout_ms,omitempty"`

	ClientPort       *int    `json:"client_port"`
	ClientAddress    *string `json:"client_address"`
	SecureClientPort int     `json:"secure_client_port,omitempty"`
	DataDir          string  `json:"data_dir"`
	DataLogDir       string  `json:"data_log_dir,omitempty"`
	Role             string  `json:"role"`

	ListenOnAllIPs      bool   `json:"quorum_listen_on_all_ips,omitempty"`
	Standalone          *bool  `json:"standalone_enabled,omitempty"`
	Reconfig            bool   `json:"reconfig_enabled,omitempty"`
	LocalSessions       bool   `json:"local_sessions_enabled,omitempty"`
	Sync                *bool  `json:"sync_enabled,omitempty"`
	SSLQuorum           bool   `json:"ssl_quorum,omitempty"`
	PortUnification     bool   `json:"port_unification,omitempty"`
	ReloadCertFiles     bool   `json:"ssl_quorum_reload_cert_files,omitempty"`
	SASL                bool   `json:"quorum_auth_enable_sasl,omitempty"`
	LearnerSASL         bool   `json:"quorum_auth_learner_require_sasl,omitempty"`
	ServerSASL          bool   `json:"quorum_auth_server_require_sasl,omitempty"`
	ServicePrincipal    string `json:"quorum_auth_service_principal,omitempty"`
	LearnerContext      string `json:"quorum_auth_learner_login_context,omitempty"`
	ServerContext       string `json:"quorum_auth_server_login_context,omitempty"`
	CnxnThreads         int    `json:"quorum_cnxn_threads_size,omitempty"`
	MultiAddress        bool   `json:"multi_address_enabled,omitempty"`
	ReachabilityCheck   *bool  `json:"multi_address_reachability_check_enabled,omitempty"`
	ReachabilityTimeout *int64 `json:"multi_address_reachability_check_timeout_ms,omitempty"`

	MetricsClass  string            `json:"metrics_provider_class,omitempty"`
	MetricsConfig map[string]string `json:"metrics_provider_config,omitempty"`
	SnapRetain    *int              `json:"snap_retain_count,omitempty"`
	PurgeInterval int               `json:"purge_interval_hours,omitempty"`

	Servers   []EffectiveServer `json:"servers"`
	Voters    []quorum.SID      `json:"voters"`
	Observers []quorum.SID      `json:"observers"`

	Verifier      string                  `json:"verifier"`
	Majority      int                     `json:"majority,omitempty"`
	Groups        map[string][]quorum.SID `json:"groups,omitempty"`
	Weights       map[string]int64        `json:"weights,omitempty"`
	GroupWeights  map[string]int64        `json:"group_weights,omitempty"`
	CountedGroups int                     `json:"counted_groups,omitempty"`

	ConfigVersion   quorum.Version    `json:"config_version"`
	ConfigText      string            `json:"config_text"`
	LastSeenText    string            `json:"last_seen_config_text,omitempty"`
	LastSeenVersion *quorum.Version   `json:"last_seen_config_version,omitempty"`
	PassedThrough   map[string]string `json:"passed_through,omitempty"`
}

// EffectiveServer is one member in Effective.
type EffectiveServer struct {
	ID            quorum.SID         `json:"id"`
	Role          string             `json:"role"`
	Addresses     []EffectiveAddress `json:"addresses"`
	ClientAddress string             `json:"client_address,omitempty"`
	FromStatic    bool               `json:"client_address_from_static,omitempty"`
}

// EffectiveAddress is one address of a member.
type EffectiveAddress struct {
	Host         string `json:"host"`
	QuorumPort   int    `json:"quorum_port"`
	ElectionPort int    `json:"election_port"`
}

// Effective is c as it is printed.
func (c *Config) Effective() Effective {
	tick, r := c.Tick.Milliseconds(), &c.rest
	e := Effective{
		MyID: c.MyID, Distributed: c.Distributed, TickTime: tick, InitLimit: c.InitLimit, SyncLimit: c.SyncLimit,
		ConnectLimit: c.ConnectLimit,
		MinSession:   unless(r.minSession, int(2*tick)), MaxSession: unless(r.maxSession, int(20*tick)),
		SecureClientPort: r.securePort, DataDir: c.DataDir, DataLogDir: omit(c.DataLogDir, c.DataDir),
		Role: c.Role.String(), ListenOnAllIPs: c.ListenOnAllIPs, Standalone: unless(c.Standalone, true),
		Reconfig: c.ReconfigEnabled, LocalSessions: r.localSessions, Sync: unless(r.syncEnabled, true),
		SSLQuorum: c.TLS.Quorum, PortUnification: c.TLS.PortUnification, ReloadCertFiles: c.TLS.Reload,
		SASL: c.SASL.Enabled, LearnerSASL: c.SASL.LearnerRequired, ServerSASL: c.SASL.ServerRequired,
		ServicePrincipal: omit(c.SASL.ServicePrincipal, "zkquorum/localhost"),
		LearnerContext:   omit(c.SASL.LearnerContext, "QuorumLearner"),
		ServerContext:    omit(c.SASL.ServerContext, "QuorumServer"),
		CnxnThreads:      r.threads, MultiAddress: c.MultiAddress,
		ReachabilityCheck:   unless(c.ReachabilityCheck, true),
		ReachabilityTimeout: unless(c.ReachabilityTimeout.Milliseconds(), 1000),
		MetricsClass:        r.metricsClass, MetricsConfig: r.metricsConfig,
		SnapRetain: unless(r.snapRetain, 3), PurgeInterval: r.purgeInterval, PassedThrough: c.PassedThrough,
	}
	e.client(c.ClientAddress)
	e.view(c.View)
	if c.next != nil {
		version := c.next.Version()
		e.LastSeenText, e.LastSeenVersion = c.next.Text(), &version
	}
	return e
}

// unless is a pointer to v, nil when v is the default.
func unless[T comparable](v, standard T) *T {
	if v == standard {
		return nil
	}
	return &v
}

// omit is v, empty when v is the default.
func omit(v, standard string) string {
	if v == standard {
		return ""
	}
	return v
}

func (e *Effective) client(address string) {
	if address == "" {
		return
	}
	port, err := strconv.Atoi(address[strings.LastIndexByte(address, ':')+1:])
	if err == nil {
		e.ClientAddress, e.ClientPort = &address, &port
	}
}

func (e *Effective) view(v *quorum.View) {
	for _, m := range v.Members() {
		s := EffectiveServer{ID: m.SID, Role: m.Role.String(), ClientAddress: m.Client, FromStatic: m.ClientStatic}
		for _, a := range m.Addresses {
			s.Addresses = append(s.Addresses, EffectiveAddress(a))
		}
		e.Servers = append(e.Servers, s)
	}
	e.Voters, e.Observers = slices.Clone(v.Voters()), append([]quorum.SID{}, v.Observers()...)
	e.ConfigVersion, e.ConfigText = v.Version(), v.Text()
	e.Verifier, e.Majority = "majority", v.Majority()
	if v.Hierarchical() {
		e.Verifier, e.Majority = "hierarchical", 0
		e.Groups, e.Weights = byText(v.Groups()), byText(v.Weights())
		e.GroupWeights, e.CountedGroups = byText(v.GroupWeights()), v.CountedGroups()
	}
}

// byText makes the ids of a map into text, as JSON wants the keys of an object.
func byText[K ~int64, V any](m map[K]V) map[string]V {
	all := make(map[string]V, len(m))
	for id := range maps.Keys(m) {
		all[strconv.FormatInt(int64(id), 10)] = m[id]
	}
	return all
}
