// Package dashboards proves the Grafana dashboards, the rules and the alerts as far as that goes without
// Grafana: the JSON is of the strict form that Grafana 11 and 12 load as it is, each expression names only what
// the nodes have, and a real Prometheus answers every query of every panel about real nodes in a fail-over.
//
// It must not know how electnode works: files, names and labels are what it has.
package dashboards
