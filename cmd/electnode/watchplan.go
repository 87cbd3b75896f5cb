package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"electnode/internal/config"
	"electnode/internal/qcm"
	"electnode/internal/quorum"
	"electnode/internal/quorumtls"
	"electnode/internal/watch"
)

// watchPlan is one ensemble to watch.
type watchPlan struct {
	name     string
	from     string // where it is described, for errors
	config   string // zoo.cfg; empty: none
	options  watch.Options
	tls      bool
	keeper   *quorumtls.Keeper // of stores that are read again; nil: they are not
	warnings []string
}

// problem is err with the place where the ensemble is described.
func (p watchPlan) problem(err error) error { return fmt.Errorf("%s: %w", p.from, err) }

// where says whom the watcher begins with.
func (p watchPlan) where() string {
	var all []string
	for _, t := range p.options.Targets {
		all = append(all, t.String())
	}
	if p.config != "" {
		all = append(all, p.config)
	}
	return strings.Join(all, " ")
}

// ensembleSpec is one ensemble as the command line or a file describes it.
type ensembleSpec struct {
	from     string
	name     string // empty: made of config or targets
	targets  []string
	config   string
	interval time.Duration // 0: that of the flag
	clients  bool
	tls      tlsFiles

	place func(key string) string // of a key, for errors
}

// plan makes the ensembles of the command line.
func (f watchFlags) plan(targets []string) ([]watchPlan, error) {
	specs, err := f.specs(targets)
	if err != nil {
		return nil, err
	}
	var all []watchPlan
	var errs []error
	names := map[string]string{}
	for _, s := range specs {
		p, err := f.planOne(s)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if other, taken := names[p.name]; taken {
			errs = append(errs, fmt.Errorf("%s: the name %q is that of %s already: name them, with --name or in a file for --ensembles",
				s.place("name"), p.name, other))
			continue
		}
		names[p.name] = p.from
		all = append(all, p)
	}
	return all, errors.Join(errs...)
}

// specs lists what the command line describes, the TARGETs first.
func (f watchFlags) specs(targets []string) ([]ensembleSpec, error) {
	var all []ensembleSpec
	if len(targets) > 0 {
		place := func(key string) string {
			return map[string]string{"targets": "TARGET", "tls": "--tls files", "name": "--name"}[key]
		}
		all = append(all, ensembleSpec{from: "TARGET", name: f.name, targets: targets, clients: f.clients, tls: f.tls,
			place: place})
	} else if f.tls != (tlsFiles{}) {
		return nil, errors.New("--tls flags are for TARGETs: a zoo.cfg has ssl.quorum keys, a file for --ensembles tls")
	}
	for _, c := range f.configs {
		all = append(all, ensembleSpec{from: "--config " + c, config: c, clients: f.clients,
			place: func(string) string { return "--config " + c }})
	}
	if f.given("name") && len(targets) == 0 {
		if len(all) != 1 {
			return nil, errors.New("--name is for TARGETs or for the only --config")
		}
		all[0].name = f.name
	}
	if f.clients && len(all) == 0 && f.ensembles != "" {
		return nil, errors.New("--client-port is for TARGETs and --config: in a file for --ensembles enrich says it")
	}
	if f.ensembles != "" {
		more, err := readEnsembles(f.ensembles)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	if len(all) == 0 {
		return nil, errors.New("nobody to watch: a TARGET is wanted (host:electionPort), or --config, or --ensembles")
	}
	return all, nil
}

// maxName is how long the name of an ensemble may be.
const maxName = 100

// nameForm is what paths and labels take without being written otherwise.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9._:-]+$`)

// planOne makes the options of a watcher.
func (f watchFlags) planOne(s ensembleSpec) (watchPlan, error) {
	p := watchPlan{from: s.from, config: s.config}
	p.options.Interval, p.options.Enrich = s.interval, s.clients
	var errs []error
	place := s.place("interval")
	if s.interval == 0 {
		p.options.Interval, place = f.interval, "--interval"
	}
	if err := tryOut(watch.Options{Interval: p.options.Interval, SID: 1}); err != nil {
		errs = append(errs, fmt.Errorf("%s: %w", place, err))
	}
	for _, text := range s.targets {
		t, err := watch.ParseTarget(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.place("targets"), err))
			continue
		}
		p.options.Targets = append(p.options.Targets, t)
	}
	var stores tlsSource = s.tls
	if s.config != "" {
		cfg, warnings, err := config.LoadForeign(s.config)
		for _, w := range warnings {
			p.warnings = append(p.warnings, w.String())
		}
		if err != nil {
			return p, errors.Join(append(errs, err)...)
		}
		p.options.View = cfg.View
		if s.tls == (tlsFiles{}) {
			stores = tlsKeys(cfg.TLS)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return p, err
	}
	var err error
	if p.options.Network, p.keeper, err = stores.secure(qcm.TCP{KeepAlive: true}); err != nil {
		return p, fmt.Errorf("%s: %w", s.place("tls"), err)
	}
	p.tls = p.options.Network != nil
	if p.name, err = s.named(p); err != nil {
		return p, err
	}
	if p.options.SID, err = f.watcherSID(p.name); err != nil {
		return p, err
	}
	if _, err = watch.DryRun(p.options); err != nil { // it checks them as New does
		return p, p.problem(err)
	}
	return p, nil
}

// tryOut says what is wrong with some of the options, which lack a target.
func tryOut(opt watch.Options) error {
	opt.Targets = []watch.Target{{SID: quorum.NoSID, Address: "127.0.0.1:1"}}
	_, err := watch.DryRun(opt)
	return err
}

// named is what the ensemble is called: as it is written, or its first target, or its zoo.cfg without .cfg.
func (s ensembleSpec) named(p watchPlan) (string, error) {
	name := s.name
	switch {
	case name != "":
	case len(p.options.Targets) > 0:
		name = strings.NewReplacer("[", "", "]", "", "%", "-").Replace(p.options.Targets[0].Address)
	default:
		name = strings.TrimSuffix(filepath.Base(s.config), ".cfg")
	}
	if len(name) > maxName || !nameForm.MatchString(name) || strings.Trim(name, ".") == "" {
		return "", fmt.Errorf("%s: %.120q is no name for an ensemble: letters, digits and . _ : - are, %d at most; --name gives another",
			s.place("name"), name, maxName)
	}
	return name, nil
}

// watcherSID is the flag's, or made of this host's name and the ensemble's: the same at every start, and another
// for a second watcher elsewhere.
func (f watchFlags) watcherSID(ensemble string) (quorum.SID, error) {
	if f.given("sid") {
		if err := tryOut(watch.Options{SID: quorum.SID(f.sid)}); err != nil {
			return 0, fmt.Errorf("--sid: %w", err)
		}
		return quorum.SID(f.sid), nil
	}
	host, err := os.Hostname()
	if err != nil {
		return 0, fmt.Errorf("the name of this host: %w (--sid does without)", err)
	}
	return watch.SIDFor(host + "\n" + ensemble), nil
}
