package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"electnode/test/proc"
	"electnode/test/zk"
)

// timing is what a ZooKeeper configuration says of time, the same for both kinds: a silent server is given up after
// 2 s.
const timing = "tickTime=500\ninitLimit=20\nsyncLimit=4\n"

// signals is what a server's process can be told.
type signals struct{ *proc.Process }

// Signal implements server.
func (s signals) Signal(sig syscall.Signal) { s.Process.Signal(sig) }

// zooServer is an electnode or a real ZooKeeper server: both are asked in the same words.
type zooServer struct {
	signals
	start  func()
	client string // host:port
}

func (s zooServer) Start()        { s.start() }
func (s zooServer) Leads() bool   { return zk.Mode(s.client) == "leader" }
func (s zooServer) Follows() bool { return zk.Mode(s.client) == "follower" }

// ownServer is an electnode, which can be asked more.
type ownServer struct {
	zooServer
	node *proc.Node
}

// zooConfigs makes the configuration of each of n servers, and where its client port is.
func zooConfigs(tb testing.TB, n int) (configs, clients []string) {
	ports := proc.Ports(tb, 3*n)
	var lines strings.Builder
	for i := range n {
		fmt.Fprintf(&lines, "server.%d=127.0.0.1:%d:%d\n", i+1, ports[3*i], ports[3*i+1])
	}
	for i := range n {
		port := ports[3*i+2]
		configs = append(configs, fmt.Sprintf("%s%sclientPort=%d\nclientPortAddress=127.0.0.1\n", timing, &lines, port))
		clients = append(clients, fmt.Sprintf("127.0.0.1:%d", port))
	}
	return configs, clients
}

// newElectnode makes a server that runs a program.
func newElectnode(tb testing.TB, program string, sid int, config, client string) server {
	node := proc.NewNode(tb, program, sid, config)
	start := func() { node.Start("--log.level", "info") }
	return ownServer{zooServer{signals{node.Process}, start, client}, node}
}

// newZooKeeper makes a real server.
func newZooKeeper(tb testing.TB, sid int, config, client string) server {
	s := zk.New(tb, sid, config)
	return zooServer{signals{s.Process}, func() { s.Start() }, client}
}

// electnodes makes servers that run a program.
func electnodes(program string) func(testing.TB, int) []server {
	return func(tb testing.TB, n int) []server {
		configs, clients := zooConfigs(tb, n)
		var all []server
		for i := range n {
			all = append(all, newElectnode(tb, program, i+1, configs[i], clients[i]))
		}
		return all
	}
}

func zookeepers(tb testing.TB, n int) []server {
	configs, clients := zooConfigs(tb, n)
	var all []server
	for i := range n {
		all = append(all, newZooKeeper(tb, i+1, configs[i], clients[i]))
	}
	return all
}

// asShipped makes real servers that have all of their defaults: the heap of their start script, and HTTP.
func asShipped(tb testing.TB, n int) []server {
	configs, clients := zooConfigs(tb, n)
	admin := proc.Ports(tb, n)
	var all []server
	for i := range n {
		s := zk.New(tb, i+1, configs[i])
		s.JVM = zk.AsShipped()
		s.Also(fmt.Sprintf("admin.enableServer=true\nadmin.serverAddress=127.0.0.1\nadmin.serverPort=%d\n", admin[i]))
		all = append(all, zooServer{signals{s.Process}, func() { s.Start() }, clients[i]})
	}
	return all
}

// etcdServer is a member of an etcd cluster.
type etcdServer struct {
	signals
	args   []string
	client string // URL
}

func (s etcdServer) Start() { s.Process.Start(exec.Command("etcd", s.args...)) }

func (s etcdServer) Leads() bool {
	self, leader := s.status()
	return leader != "" && leader == self
}

func (s etcdServer) Follows() bool {
	self, leader := s.status()
	return leader != "" && leader != "0" && leader != self
}

// status is the member's id, and whom it takes for the leader; empty when it does not answer.
func (s etcdServer) status() (self, leader string) {
	client := http.Client{Timeout: 2 * time.Second}
	resp, err := client.Post(s.client+"/v3/maintenance/status", "application/json", bytes.NewReader([]byte("{}")))
	if err != nil {
		return "", ""
	}
	defer resp.Body.Close()
	var body struct {
		Header struct {
			Member string `json:"member_id"`
		}
		Leader string
	}
	if json.NewDecoder(resp.Body).Decode(&body) != nil {
		return "", ""
	}
	return body.Header.Member, body.Leader
}

// etcds makes members with default settings but for flags.
func etcds(flags ...string) func(testing.TB, int) []server {
	return func(tb testing.TB, n int) []server {
		ports := proc.Ports(tb, 2*n)
		var peers []string
		for i := range n {
			peers = append(peers, fmt.Sprintf("e%d=http://127.0.0.1:%d", i+1, ports[2*i]))
		}
		var all []server
		for i := range n {
			dir := tb.TempDir()
			peer, client := fmt.Sprintf("http://127.0.0.1:%d", ports[2*i]), fmt.Sprintf("http://127.0.0.1:%d", ports[2*i+1])
			args := append([]string{"--name", fmt.Sprintf("e%d", i+1), "--data-dir", filepath.Join(dir, "data"),
				"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
				"--listen-client-urls", client, "--advertise-client-urls", client,
				"--initial-cluster", strings.Join(peers, ","), "--initial-cluster-state", "new"}, flags...)
			process := proc.New(tb, fmt.Sprintf("etcd %d", i+1), filepath.Join(dir, "log"))
			all = append(all, etcdServer{signals{process}, args, client})
		}
		return all
	}
}
