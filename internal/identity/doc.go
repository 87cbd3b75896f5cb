// Package identity says who may speak as whom: which certificate names belong to which server id, and from which
// addresses a member may come.
//
// It must not know what is said on a connection, nor how TLS is done: it looks at the certificate that was shown. It starts
// goroutines for look-ups alone, which Guard.Admit waits for.
package identity
