package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// passedKeys are keys that the reference's loader passes on unread and that have a meaning here.
// Differs from ZooKeeper: a wrong value is refused, there it silently becomes the default; octal and
// hexadecimal numbers are refused too (D12). Rule: the system properties zookeeper.KEY.
func (l *loader) passedKeys() []key {
	n := &l.cfg.Network
	return []key{
		{"fastleader.minNotificationInterval", interval(&n.MinNotification, 1)},
		{"fastleader.maxNotificationInterval", interval(&n.MaxNotification, 1)},
		{"quorumCnxnTimeoutMs", func(v string) error {
			err := milliseconds(&n.CnxnTimeout)(v)
			n.CnxnTimeout = max(n.CnxnTimeout, 0)
			return err
		}},
		{"electionPortBindRetry", func(v string) error {
			err := integer(&n.BindRetry)(v)
			if n.BindRetry < 0 {
				n.BindRetry = 3
			}
			return err
		}},
		{"cnxTimeout", interval(&n.ConnectTimeout, 0)},
		{"tcpKeepAlive", boolean(&n.KeepAlive)},
		{"observer.election.DelayMs", interval(&n.ObserverElectionDelay, 0)},
		{"observer.reconnectDelayMs", interval(&n.ObserverReconnectDelay, 0)},
		{"leader.maxTimeToWaitForEpoch", milliseconds(&n.MaxWaitForEpoch)},
		{"leaderConnectDelayDuringRetryMs", interval(&n.LeaderConnectDelay, 0)},
		{"4lw.commands.whitelist", func(v string) error { l.cfg.Commands = commands(v); return nil }},
	}
}

// interval reads milliseconds, at least so many.
func interval(to *time.Duration, least int64) func(string) error {
	return func(v string) error {
		n, err := number(v, 32)
		if err != nil {
			return err
		}
		if n < least {
			return fmt.Errorf("%q is not a whole number in range: at least %d is needed", v, least)
		}
		*to = time.Duration(n) * time.Millisecond
		return nil
	}
}

// commands reads a list of four-letter words; srvr is always in it.
func commands(list string) []string {
	all := []string{"srvr"}
	for word := range strings.SplitSeq(list, ",") {
		switch word = strings.Trim(word, " \t"); word {
		case "*":
			return []string{"*"}
		case "":
		default:
			all = append(all, word)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
