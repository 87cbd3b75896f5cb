// Package names knows where host names lead and have led: a network whose look-ups answer in time, with the last
// good answer when the name service is slow or gone. An election must not wait for a name service. For and Fresh say in a
// context what a network below should know of a dial or a look-up.
//
// It must not know servers, ports' meanings or TLS. A look-up that takes its time has a goroutine, ended by Close.
package names
