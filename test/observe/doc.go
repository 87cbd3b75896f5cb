// Package observe starts a real Prometheus and a real Jaeger for tests: processes of this machine, on free
// ports of loopback, with directories of the test's own, killed with the test. It asks them through their
// APIs, and its tests look at real electnode processes through them. scripts/setup.sh builds both programs.
//
// It must not know how anything is seen inside electnode: names, labels and ids are what it has.
package observe
