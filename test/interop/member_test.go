package interop

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"electnode/internal/fle"
	"electnode/test/proc"
	"electnode/test/zk"
)

// member is one server of an ensemble, of either kind.
type member struct {
	sid      int
	observer bool
	host     string // the first of its addresses
	client   int    // ports
	quorum   int
	election int
	java     *zk.Server // nil: an electnode
	node     *proc.Node // nil: a real server
	jvm      []string
	threads  int // that a test counted first
}

// process is what the two kinds have in common.
func (m *member) process() *proc.Process {
	if m.java != nil {
		return m.java.Process
	}
	return m.node.Process
}

func (m *member) start() {
	if m.java != nil {
		m.java.Start(m.jvm...)
		return
	}
	m.node.StartAndWait()
}

// also adds lines to zoo.cfg, for the next start.
func (m *member) also(lines string) {
	if m.java != nil {
		m.java.Also(lines)
		return
	}
	m.node.Also(lines)
}

func (m *member) kill()         { m.process().Kill() }
func (m *member) running() bool { return m.process().Running() }

func (m *member) dataDir() string {
	if m.java != nil {
		return m.java.DataDir()
	}
	return m.node.DataDir()
}

func at(host string, port int) string  { return net.JoinHostPort(host, strconv.Itoa(port)) }
func (m *member) clientAddr() string   { return at(m.host, m.client) }
func (m *member) electionAddr() string { return at(m.host, m.election) }

func (m *member) String() string {
	if m.java != nil {
		return fmt.Sprintf("server %d (Java)", m.sid)
	}
	return fmt.Sprintf("server %d (electnode)", m.sid)
}

// seen is what a server says of itself.
type seen struct {
	state  string
	leader int
	epoch  int64
}

var errNotServing = errors.New("is not serving")

// ask asks a server who leads; only one that serves its role under an established leader has an answer.
func (m *member) ask(s *zk.Stranger) (seen, error) {
	if m.java != nil {
		return m.askJava(s)
	}
	return m.askNode()
}

// askJava takes the mode from srvr, the leader from the election port, and the epoch from the disk.
func (m *member) askJava(s *zk.Stranger) (seen, error) {
	states := map[string]string{"leader": "LEADING", "follower": "FOLLOWING", "observer": "OBSERVING"}
	state, ok := states[zk.Mode(m.clientAddr())]
	if !ok {
		return seen{}, errNotServing
	}
	n, err := s.Ask(m.electionAddr())
	if err != nil {
		return seen{}, err
	}
	_, epoch, err := proc.Epochs(m.dataDir())
	if err != nil {
		return seen{}, err
	}
	if n.State.String() != state {
		return seen{}, fmt.Errorf("srvr says %s, its election port %s", state, n.State)
	}
	if int64(n.Vote.PeerEpoch) != epoch {
		return seen{}, fmt.Errorf("its currentEpoch is %d, its vote says %d", epoch, n.Vote.PeerEpoch)
	}
	return seen{state, int(n.Vote.Leader), epoch}, nil
}

func (m *member) askNode() (seen, error) {
	s, err := m.node.Status()
	if err != nil {
		return seen{}, err
	}
	if !s.Established || s.Leader == nil {
		return seen{}, errNotServing
	}
	epoch, err := strconv.ParseInt(s.CurrentEpoch, 10, 64)
	if err != nil {
		return seen{}, err
	}
	_, onDisk, err := proc.Epochs(m.dataDir())
	if err != nil {
		return seen{}, err
	}
	if onDisk != epoch {
		return seen{}, fmt.Errorf("its currentEpoch is %d on disk, its status says %d", onDisk, epoch)
	}
	return seen{s.State, int(*s.Leader), epoch}, nil
}

// stranger asks a real server's election port what it is doing.
func (m *member) stranger(s *zk.Stranger) (fle.Notification, error) { return s.Ask(m.electionAddr()) }

// thrown is a line of a Java log that names the exception or error above a stack trace.
var thrown = regexp.MustCompile(`^(Caused by: )?[\w.$]+\.\w*(Exception|Error)\b`)

// harm lists the lines of a real server's log that tell of anything but lost connections, stopped threads, and
// roles that ended: what was thrown, and errors of which nothing that was thrown is the cause. What else is
// expected to be in such a line may be given.
func (m *member) harm(expected ...string) []string {
	expected = append(expected,
		"java.net.ConnectException: Connection refused", "java.net.SocketException: Broken pipe",
		"java.net.SocketException: Connection reset", "java.net.SocketException: Socket closed",
		"java.io.EOFException", "java.lang.InterruptedException", "Failed connect to",
		"Learner - Unexpected exception, retries exceeded",
		// A four-letter word while the server stops serving:
		"java.nio.channels.AsynchronousCloseException", "java.nio.channels.ClosedChannelException",
		"java.nio.channels.CancelledKeyException",
		// A role that begins before the name of the one before it was given back to the JVM's management:
		"javax.management.InstanceAlreadyExistsException")
	var found []string
	lines := strings.Split(m.java.Log(), "\n")
	for i, line := range lines {
		wrong := thrown.MatchString(line) ||
			strings.Contains(line, " ERROR ") && (i+1 == len(lines) || !thrown.MatchString(lines[i+1]))
		if wrong && !slices.ContainsFunc(expected, func(e string) bool { return strings.Contains(line, e) }) {
			found = append(found, line)
		}
	}
	return found
}
