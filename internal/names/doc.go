// Package names knows where host names lead and have led: a network whose look-ups answer in time, with the last
// good answer when the name service is slow or gone. An election must not wait for a name service.
//
// It must not know servers, ports' meanings or TLS. A look-up that takes its time has a goroutine, ended by Close.
package names
