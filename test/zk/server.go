package zk

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// jarDir is where Debian's package puts ZooKeeper.
const jarDir = "/usr/share/java"

// jars lists what a server needs on its class path.
func jars() []string {
	return []string{"zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-log4j12", "log4j-1.2", "netty-handler",
		"netty-common", "netty-buffer", "netty-transport", "netty-codec", "netty-resolver",
		"netty-transport-native-epoll", "netty-transport-native-unix-common", "snappy-java", "metrics-core",
		"commons-cli", "jackson-core", "jackson-databind", "jackson-annotations"}
}

// Need skips the test where ZooKeeper or Java is missing, and fails it there when CI is true.
func Need(t testing.TB) {
	t.Helper()
	missing := ""
	if _, err := os.Stat(filepath.Join(jarDir, "zookeeper.jar")); err != nil {
		missing = "ZooKeeper's jars are missing (make setup installs the package zookeeper)"
	} else if _, err := exec.LookPath("java"); err != nil {
		missing = "java is missing (make setup installs it)"
	}
	if missing == "" {
		return
	}
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

// Server is one real server. Its methods fail the test when something does not work.
type Server struct {
	t    testing.TB
	SID  int
	Dir  string // zoo.cfg is in it, its data in data/
	cmd  *exec.Cmd
	exit chan error
	log  *os.File
}

// New prepares a server: zooCfg is its configuration, to which dataDir, admin.enableServer=false and the
// whitelist of all four-letter words are added.
func New(t testing.TB, sid int, zooCfg string) *Server {
	t.Helper()
	s := &Server{t: t, SID: sid, Dir: t.TempDir()}
	data := filepath.Join(s.Dir, "data")
	must(t, os.MkdirAll(data, 0o755))
	must(t, os.WriteFile(filepath.Join(data, "myid"), fmt.Appendf(nil, "%d\n", sid), 0o644))
	s.Configure(zooCfg)
	log4j := "log4j.rootLogger=INFO, CONSOLE\nlog4j.appender.CONSOLE=org.apache.log4j.ConsoleAppender\n" +
		"log4j.appender.CONSOLE.layout=org.apache.log4j.PatternLayout\n" +
		"log4j.appender.CONSOLE.layout.ConversionPattern=%d{ISO8601} %-5p %c{1} - %m%n\n"
	must(t, os.WriteFile(filepath.Join(s.Dir, "log4j.properties"), []byte(log4j), 0o644))
	t.Cleanup(s.Kill)
	return s
}

// Configure writes another zoo.cfg, for the next start.
func (s *Server) Configure(zooCfg string) {
	s.t.Helper()
	cfg := zooCfg + "\ndataDir=" + filepath.Join(s.Dir, "data") + "\nadmin.enableServer=false\n4lw.commands.whitelist=*\n"
	must(s.t, os.WriteFile(filepath.Join(s.Dir, "zoo.cfg"), []byte(cfg), 0o644))
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
func (s *Server) Start(jvm ...string) {
	s.t.Helper()
	logFile, err := os.OpenFile(filepath.Join(s.Dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	must(s.t, err)
	args := append([]string{"-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
		"-cp", classPath(s.Dir)}, jvm...)
	args = append(args, "org.apache.zookeeper.server.quorum.QuorumPeerMain", filepath.Join(s.Dir, "zoo.cfg"))
	cmd := exec.Command("java", args...)
	cmd.Stdout, cmd.Stderr = logFile, logFile
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(s.t, cmd.Start())
	exit := make(chan error, 1)
	// Owned by the server: ends with the process, which Kill ends.
	go func() { exit <- cmd.Wait() }()
	s.cmd, s.exit, s.log = cmd, exit, logFile
}

// Kill ends the process as kill -9 does, and waits for it. It does nothing to one that does not run.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill() // it may have ended by itself
	<-s.exit
	_ = s.log.Close() // the child wrote it
	s.cmd = nil
	if s.t.Failed() {
		s.t.Logf("end of the log of server %d:\n%s", s.SID, tail(s.Log(), 40))
	}
}

// Signal sends a signal to the process.
func (s *Server) Signal(sig os.Signal) {
	s.t.Helper()
	must(s.t, s.cmd.Process.Signal(sig))
}

// Exited reports whether the process ended by itself.
func (s *Server) Exited() bool {
	select {
	case err := <-s.exit:
		s.exit <- err
		return true
	default:
		return false
	}
}

// Log is all that the server logged.
func (s *Server) Log() string {
	raw, err := os.ReadFile(filepath.Join(s.Dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// Word asks the client port at addr with a four-letter word; empty: it does not answer.
func Word(addr, word string) string {
	conn, err := net.DialTimeout("tcp", addr, 2*time.Second)
	if err != nil {
		return ""
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return ""
	}
	if _, err := io.WriteString(conn, word); err != nil {
		return ""
	}
	answer, _ := io.ReadAll(conn) // what came is the answer, however it ended
	return string(answer)
}

// Mode is what srvr says of the server at addr: leader, follower, observer, or empty.
func Mode(addr string) string {
	for line := range strings.Lines(Word(addr, "srvr")) {
		if mode, ok := strings.CutPrefix(line, "Mode: "); ok {
			return strings.TrimSpace(mode)
		}
	}
	return ""
}

// Mntr is what mntr says of the server at addr.
func Mntr(addr string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(Word(addr, "mntr")) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			out[k] = v
		}
	}
	return out
}

// Eventually calls cond until it is true; the test fails when that takes longer than limit.
func Eventually(t testing.TB, limit time.Duration, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", limit, what)
		}
		<-tick.C
	}
}

// Client runs commands of ZooKeeper's own client against addr, one a line, and returns what it printed.
func (s *Server) Client(addr, commands string) string {
	s.t.Helper()
	cmd := exec.Command("java", "-Xmx128m", "-cp", classPath(s.Dir), "org.apache.zookeeper.ZooKeeperMain",
		"-server", addr)
	cmd.Stdin = strings.NewReader(commands + "\nquit\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("client: %v\n%s", err, tail(string(out), 30))
	}
	return string(out)
}

// Ports gives n free TCP ports of loopback, each for one use.
func Ports(t testing.TB, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		defer ln.Close()
		_, port, err := net.SplitHostPort(ln.Addr().String())
		must(t, err)
		p, err := strconv.Atoi(port)
		must(t, err)
		ports = append(ports, p)
	}
	return ports
}
