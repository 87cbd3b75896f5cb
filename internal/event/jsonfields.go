package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"electnode/internal/quorum"
)

// decoder reads the fields of a JSON object by name. The first thing that is wrong stays in err; what is read
// afterwards is zero.
type decoder struct {
	fields map[string]json.RawMessage
	err    error
}

// take reads a field into v. False: there is none, or it is no v.
func (d *decoder) take(key string, v any) bool {
	raw, ok := d.fields[key]
	if !ok || d.err != nil || string(raw) == "null" {
		return false
	}
	if err := json.Unmarshal(raw, v); err != nil {
		d.fail(key, err)
		return false
	}
	return true
}

func (d *decoder) fail(key string, err error) {
	if d.err == nil {
		d.err = fmt.Errorf("%s: %w", key, err)
	}
}

// get is the value of a field, zero if it is missing or null.
func get[T any](d *decoder, key string) T {
	var v T
	if !d.take(key, &v) {
		var none T
		return none
	}
	return v
}

func (d *decoder) text(key string) string            { return get[string](d, key) }
func (d *decoder) flag(key string) bool              { return get[bool](d, key) }
func (d *decoder) number(key string) int64           { return get[int64](d, key) }
func (d *decoder) count(key string) uint64           { return get[uint64](d, key) }
func (d *decoder) sid(key string) quorum.SID         { return get[quorum.SID](d, key) }
func (d *decoder) duration(key string) time.Duration { return get[time.Duration](d, key) }

// sids and texts make empty lists nil.
func (d *decoder) sids(key string) []quorum.SID {
	if all := get[[]quorum.SID](d, key); len(all) > 0 {
		return all
	}
	return nil
}

func (d *decoder) texts(key string) []string {
	if all := get[[]string](d, key); len(all) > 0 {
		return all
	}
	return nil
}

func (d *decoder) epoch(key string) quorum.Epoch { return quorum.Epoch(d.decimal(key)) }
func (d *decoder) round(key string) quorum.Round { return quorum.Round(d.decimal(key)) }

func (d *decoder) decimal(key string) int64 {
	text := d.text(key)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		d.fail(key, fmt.Errorf("%s is no number", quorum.Quote(text)))
	}
	return n
}

func (d *decoder) zxid(key string) quorum.Zxid       { return quorum.Zxid(d.hex(key)) }
func (d *decoder) version(key string) quorum.Version { return quorum.Version(d.hex(key)) }

func (d *decoder) hex(key string) uint64 {
	text := d.text(key)
	if text == "" {
		return 0
	}
	digits, ok := strings.CutPrefix(text, "0x")
	n, err := strconv.ParseUint(digits, 16, 64)
	if !ok || err != nil {
		d.fail(key, fmt.Errorf("%s is no number in hex", quorum.Quote(text)))
	}
	return n
}

func (d *decoder) messageID(key string) uint64 {
	text := d.text(key)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 16, 64)
	if err != nil || len(text) != 16 {
		d.fail(key, fmt.Errorf("%s is no message id", quorum.Quote(text)))
	}
	return n
}

// instant reads a time of the years 0 to 9999: others cannot be written again.
func (d *decoder) instant(key string) time.Time {
	t := get[time.Time](d, key).UTC()
	if t.Year() < 0 || t.Year() > 9999 {
		d.fail(key, errors.New("a time out of range"))
		return time.Time{}
	}
	return t
}

func (d *decoder) state(key string) quorum.State {
	text := d.text(key)
	for _, s := range quorum.States() {
		if text == "" || s.String() == text {
			return s
		}
	}
	inner, _ := strings.CutPrefix(text, "STATE(")
	inner, ok := strings.CutSuffix(inner, ")")
	n, err := strconv.ParseInt(inner, 10, 32)
	if !ok || err != nil {
		d.fail(key, fmt.Errorf("%s is no state", quorum.Quote(text)))
	}
	return quorum.State(n)
}

func (d *decoder) role(key string) quorum.Role {
	text := d.text(key)
	if text == "" {
		return quorum.Participant
	}
	role, err := quorum.ParseRole(text)
	if err != nil {
		d.fail(key, err)
	}
	return role
}

// object reads a field that is an object of its own.
func (d *decoder) object(key string) decoder {
	return decoder{fields: get[map[string]json.RawMessage](d, key), err: d.err}
}

func (d *decoder) vote(key string) quorum.Vote {
	o := d.object(key)
	v := quorum.Vote{Leader: o.sid("leader"), Zxid: o.zxid("zxid"), PeerEpoch: o.epoch("peer_epoch")}
	d.within(key, &o)
	return v
}

func (d *decoder) phases(key string) Phases {
	o := d.object(key)
	p := Phases{FirstVoteHeard: o.duration("first_vote_heard_ns"), Quorum: o.duration("quorum_ns"),
		Decided: o.duration("decided_ns")}
	d.within(key, &o)
	return p
}

// within takes over what was wrong in an object.
func (d *decoder) within(key string, o *decoder) {
	if o.err != nil {
		d.fail(key, o.err)
	}
}

func (d *decoder) says() Notification {
	return Notification{State: d.state("state"), Vote: d.vote("vote"), Round: d.round("round"),
		ConfigVersion: d.version("config_version")}
}

// view reads a configuration text: every view that there can be, a single voter with observers and one
// without members too, because what is read here was in force somewhere.
func (d *decoder) view(key string) *quorum.View {
	text := d.text(key)
	if text == "" || d.err != nil {
		return nil
	}
	v, err := parseView(text)
	if err != nil {
		d.fail(key, err)
		return nil
	}
	return v
}

func parseView(text string) (*quorum.View, error) {
	if len(text) > quorum.MaxText || !utf8.ValidString(text) {
		return nil, errors.New("no configuration text")
	}
	props, bad := quorum.ParseProperties(text)
	if len(bad) > 0 {
		return nil, bad[0]
	}
	lines, bad := quorum.ReadMembers(props, quorum.LineOptions{RefuseForeign: true, Limit: 1})
	if len(bad) > 0 {
		return nil, bad[0]
	}
	return quorum.NewView(lines.Spec)
}
