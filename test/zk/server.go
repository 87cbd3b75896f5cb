package zk

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"electnode/test/proc"
)

// jarDir is where Debian's package puts ZooKeeper.
const jarDir = "/usr/share/java"

// clientTime bounds one run of ZooKeeper's own client.
const clientTime = 60 * time.Second

// jars lists what a server needs on its class path.
func jars() []string {
	return []string{"zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-log4j12", "log4j-1.2", "netty-handler",
		"netty-common", "netty-buffer", "netty-transport", "netty-codec", "netty-resolver",
		"netty-transport-native-epoll", "netty-transport-native-unix-common", "snappy-java", "metrics-core",
		"commons-cli", "jackson-core", "jackson-databind", "jackson-annotations", "servlet-api"}
}

// Missing says what is missing for real servers to run here; empty: nothing.
func Missing() string {
	if _, err := os.Stat(filepath.Join(jarDir, "zookeeper.jar")); err != nil {
		return "ZooKeeper's jars are missing"
	}
	if _, err := exec.LookPath("java"); err != nil {
		return "java is missing"
	}
	return ""
}

// Need skips the test where ZooKeeper or Java is missing, and fails it there when CI is true.
func Need(t testing.TB) {
	t.Helper()
	if missing := Missing(); missing != "" {
		leaveOut(t, missing+" (make setup installs the packages zookeeper and default-jre-headless)")
	}
}

// NeedCost does so where a server's Cost cannot be measured.
func NeedCost(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("jcmd"); err != nil {
		leaveOut(t, "jcmd is missing (make setup installs it)")
	}
}

func leaveOut(t testing.TB, missing string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
}

func classPath(confDir string) string {
	path := []string{confDir}
	for _, j := range jars() {
		path = append(path, filepath.Join(jarDir, j+".jar"))
	}
	return strings.Join(path, ":")
}

// AsShipped lists the JVM's flags of zkServer.sh, ZooKeeper's own start script: its heap.
func AsShipped() []string { return []string{"-Xmx1000m"} }

// jvm lists the flags that keep a JVM small and its start short.
func jvm() []string {
	return []string{"-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-XX:-UsePerfData"}
}

// Server is one real server. Its methods fail the test when something does not work.
type Server struct {
	*proc.Process
	SID int
	Dir string   // zoo.cfg and the log are in it, its data in data/
	JVM []string // flags of the JVM, for the next start [those that keep it small and its start short]

	t testing.TB
}

// New prepares a server: zooCfg is its configuration, to which dataDir, admin.enableServer=false and the
// whitelist of all four-letter words are added.
func New(t testing.TB, sid int, zooCfg string) *Server {
	t.Helper()
	s := &Server{SID: sid, Dir: t.TempDir(), JVM: jvm(), t: t}
	s.Process = proc.New(t, fmt.Sprintf("ZooKeeper server %d", sid), filepath.Join(s.Dir, "log"))
	must(t, os.MkdirAll(s.DataDir(), 0o755))
	must(t, os.WriteFile(filepath.Join(s.DataDir(), "myid"), fmt.Appendf(nil, "%d\n", sid), 0o644))
	s.Configure(zooCfg)
	log4j := "log4j.rootLogger=INFO, CONSOLE\nlog4j.appender.CONSOLE=org.apache.log4j.ConsoleAppender\n" +
		"log4j.appender.CONSOLE.layout=org.apache.log4j.PatternLayout\n" +
		"log4j.appender.CONSOLE.layout.ConversionPattern=%d{ISO8601} %-5p %c{1} - %m%n\n"
	must(t, os.WriteFile(filepath.Join(s.Dir, "log4j.properties"), []byte(log4j), 0o644))
	return s
}

// Configure writes another zoo.cfg, for the next start.
func (s *Server) Configure(zooCfg string) {
	s.t.Helper()
	cfg := zooCfg + "\ndataDir=" + s.DataDir() + "\nadmin.enableServer=false\n4lw.commands.whitelist=*\n"
	must(s.t, os.WriteFile(filepath.Join(s.Dir, "zoo.cfg"), []byte(cfg), 0o644))
}

// Also adds lines to zoo.cfg, for the next start.
func (s *Server) Also(lines string) {
	s.t.Helper()
	path := filepath.Join(s.Dir, "zoo.cfg")
	cfg, err := os.ReadFile(path)
	must(s.t, err)
	must(s.t, os.WriteFile(path, append(cfg, lines...), 0o644))
}

// DataDir is the server's dataDir.
func (s *Server) DataDir() string { return filepath.Join(s.Dir, "data") }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Start starts the process, with more properties for the JVM if given (-Dname=value). It does not wait.
func (s *Server) Start(properties ...string) {
	s.t.Helper()
	args := slices.Concat(s.JVM, properties)
	args = append(args, "-cp", classPath(s.Dir), "org.apache.zookeeper.server.quorum.QuorumPeerMain",
		filepath.Join(s.Dir, "zoo.cfg"))
	s.Process.Start(exec.Command("java", args...))
}

// Client runs commands of ZooKeeper's own client against addr, one a line, and returns what it printed.
func (s *Server) Client(addr, commands string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), clientTime)
	defer cancel()
	args := append(jvm(), "-cp", classPath(s.Dir), "org.apache.zookeeper.ZooKeeperMain", "-server", addr)
	cmd := exec.CommandContext(ctx, "java", args...)
	cmd.Stdin = strings.NewReader(commands + "\nquit\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("client: %v\n%s", err, proc.Tail(string(out), 30))
	}
	return string(out)
}

// Ports gives n free TCP ports of loopback, each for one use.
func Ports(t testing.TB, n int) []int {
	t.Helper()
	return proc.Ports(t, n)
}

// Eventually calls cond until it is true; the test fails when that takes longer than limit.
func Eventually(t testing.TB, limit time.Duration, what string, cond func() bool) {
	t.Helper()
	proc.Eventually(t, limit, what, proc.True(cond))
}
