// Package interop tests electnodes among real ZooKeeper servers: processes of both kinds in one ensemble, on
// loopback. Every claim is asked of the real servers themselves, with srvr, mntr, a question on their election
// port and a look at their epoch files, as well as of electnode's /api/v1/status.
package interop
