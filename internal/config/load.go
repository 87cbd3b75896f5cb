package config

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"electnode/internal/quorum"
)

// Load reads zoo.cfg at path and the files it leads to. The error joins every Problem that was found; the
// warnings are given with or without it.
func Load(path string) (*Config, []Warning, error) {
	return load(osFiles{}, path)
}

// LoadForeign is Load for a file of another machine, of which only the ensemble and TLS are of use: there is no
// myid, MyID is 0, and the settings that are one server's own stay as they are written.
func LoadForeign(path string) (*Config, []Warning, error) {
	return loadForeign(osFiles{}, path)
}

func loadForeign(f files, path string) (*Config, []Warning, error) {
	l := newLoader(f, path)
	l.foreign = true
	return l.load()
}

func load(f files, path string) (*Config, []Warning, error) { return newLoader(f, path).load() }

func (l *loader) load() (*Config, []Warning, error) {
	content, err := l.files.read(l.path)
	if err != nil {
		l.faultIn(l.path, "", "cannot be read: %s", reason(err))
		return l.result()
	}
	l.run(l.path, content, nil)
	return l.result()
}

// loader is the state of one Load.
type loader struct {
	files    files
	path     string // of zoo.cfg
	cfg      *Config
	main     *source
	values   map[string]quorum.Property // of zoo.cfg, keys and values trimmed
	faults   []error
	failed   map[string]bool // keys that have a problem already
	warnings []Warning
	foreign  bool // of another machine: there is no myid
}

func newLoader(f files, path string) *loader {
	return &loader{files: f, path: path, cfg: defaults(path), failed: map[string]bool{},
		values: map[string]quorum.Property{}}
}

func (l *loader) result() (*Config, []Warning, error) {
	if len(l.faults) > 0 {
		return nil, l.warnings, errors.Join(l.faults...)
	}
	return l.cfg, l.warnings, nil
}

// run does everything that follows the reading of zoo.cfg. Rule: the order of
// QuorumPeerConfig.parseProperties.
func (l *loader) run(name string, content []byte, origin []string) {
	if l.main = l.parse(name, content, origin); l.main == nil {
		return
	}
	l.cfg.File = name
	for _, p := range l.main.props {
		p.Key, p.Value = quorum.JavaTrim(p.Key), quorum.JavaTrim(p.Value)
		if old, twice := l.values[p.Key]; !twice || p.Line > old.Line {
			l.values[p.Key] = p
		}
	}
	l.scalars()
	l.checkScalars()
	l.clientPort()
	src, lines, membersOK := l.members()
	ownID, idOK := l.myid()
	if !membersOK {
		return
	}
	self := l.findSelf(lines.Spec.Members, ownID, idOK)
	if self != nil {
		l.reconcileClient(self)
	}
	view, err := quorum.NewView(lines.Spec)
	if err != nil {
		l.viewFaults(src, err)
		return
	}
	l.cfg.View = view
	l.checkView(src)
	l.multiAddress(src, lines.Several)
	l.readNext()
	l.checkPeerNames()
	if self != nil {
		l.reconcileRole(self)
	}
}

// viewFaults notes what is wrong with the members of src as a whole.
func (l *loader) viewFaults(src *source, err error) {
	for _, p := range quorum.Problems(err) {
		l.fault(src, src.line(p.Key), p.Key, "%s", p.Text)
	}
}

// members reads the member lines, from zoo.cfg or from the dynamic file.
func (l *loader) members() (*source, quorum.Lines, bool) {
	src, version := l.main, quorum.Version(-1)
	if l.cfg.rest.dynamicFileGiven {
		if src, version = l.dynamic(); src == nil {
			return nil, quorum.Lines{}, false
		}
	}
	lines, bad := quorum.ReadMembers(src.props, l.lineOptions())
	for _, p := range bad {
		l.fault(src, p.Line, p.Key, "%s", p.Text)
	}
	if len(bad) == 0 && len(lines.Spec.Members) == 0 {
		// Differs from ZooKeeper: it starts a server without any peers (D11).
		l.fault(src, 0, "", "no server line: an election node needs at least one server.N")
		return src, lines, false
	}
	if version >= 0 {
		lines.Spec.Version = version
	}
	l.warnSIDs(src, lines.Spec.Members)
	return src, lines, len(bad) == 0
}

func (l *loader) lineOptions() quorum.LineOptions {
	return quorum.LineOptions{RefuseMultiAddress: l.cfg.MultiAddressRefused}
}

// warnSIDs warns of ids that the administrator's guide does not allow.
func (l *loader) warnSIDs(src *source, members []quorum.Member) {
	for _, m := range members {
		if m.SID < 1 || m.SID > 255 {
			key := "server." + m.SID.String()
			l.warn(WarnSIDRange, src, src.line(key), key, "%s: ids outside 1 to 255 are not supported by ZooKeeper's guide", key)
		}
	}
}

// dynamic reads the dynamic file; its version is in its name. Rule: QuorumPeerConfig.parseDynamicConfig.
func (l *loader) dynamic() (*source, quorum.Version) {
	entry := l.values["dynamicConfigFile"]
	for _, p := range l.main.props {
		if key := quorum.JavaTrim(p.Key); quorum.IsMemberKey(key) {
			l.fault(l.main, p.Line, key, "%s belongs into the dynamic file %s", key, entry.Value)
		}
	}
	version, err := versionOfName(entry.Value)
	if err != nil {
		l.fault(l.main, entry.Line, entry.Key, "dynamicConfigFile: %v", err)
	}
	content, err := l.files.read(entry.Value)
	if err != nil {
		l.fault(l.main, entry.Line, entry.Key, "dynamicConfigFile: %s: cannot be read: %s", quorum.Quote(entry.Value), reason(err))
		return nil, 0
	}
	src := l.parse(entry.Value, content, nil)
	if src == nil {
		return nil, 0
	}
	kept := make([]quorum.Property, 0, len(src.props))
	for _, p := range src.props {
		switch {
		case quorum.IsMemberKey(p.Key):
			kept = append(kept, p)
		case p.Key == "version":
			l.fault(src, p.Line, p.Key, "version must be in the file name, not inside")
		default:
			l.fault(src, p.Line, p.Key, "%s is not allowed in a dynamic file", p.Key)
		}
	}
	src.props = kept
	return src, version
}

// versionOfName reads the hexadecimal text after the last dot of a path; a text that is none is version 0.
func versionOfName(path string) (quorum.Version, error) {
	i := strings.LastIndexByte(path, '.')
	if i < 0 {
		return 0, nil
	}
	n, err := strconv.ParseInt(path[i+1:], 16, 64)
	if err != nil {
		return 0, nil
	}
	if n < 0 {
		return 0, fmt.Errorf("%s: the version in the name is negative", quorum.Quote(path))
	}
	return quorum.Version(n), nil
}

// readNext reads the proposed membership beside zoo.cfg, which exists only with a dynamic file; foreign
// keys in it are ignored.
// Differs from ZooKeeper: one without a voter is refused; no election could ever end.
func (l *loader) readNext() {
	if !l.cfg.rest.dynamicFileGiven {
		return
	}
	name := l.path + ".dynamic.next"
	content, err := l.files.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		l.faultIn(name, "", "cannot be read: %s", reason(err))
		return
	}
	src := l.parse(name, content, nil)
	if src == nil {
		return
	}
	lines, bad := quorum.ReadMembers(src.props, l.lineOptions())
	for _, p := range bad {
		l.fault(src, p.Line, p.Key, "%s", p.Text)
	}
	if len(bad) > 0 {
		return
	}
	view, err := quorum.NewView(lines.Spec)
	if err != nil {
		l.viewFaults(src, err)
		return
	}
	if len(view.Voters()) == 0 {
		l.fault(src, 0, "", "no participant among the servers")
		return
	}
	l.multiAddress(src, lines.Several)
	l.cfg.next = view
	if view.Version() > l.cfg.View.Version() {
		l.cfg.LastSeen = view
	}
}
