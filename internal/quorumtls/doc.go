// Package quorumtls is TLS between servers as ZooKeeper's own: key and trust stores from zoo.cfg or from PEM
// files, and a qcm.Network whose connections begin with a TLS hand-shake, for those who call and for servers.
//
// It must not know what is said on a connection. It starts no goroutine of its own; who renews stores runs Keeper.Run.
// Rules: QuorumX509Util, X509Util, ZKTrustManager and PemReader.
package quorumtls
