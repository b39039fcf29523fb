package demo

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"syscall"
)

// Ports that systems do not give to outgoing connections (Linux begins at 32768). Between looking and
// listening, one that the system chose itself could become the near end of anybody's connection.
const (
	lowestPort  = 10000
	highestPort = 32000
	portTries   = 1000
)

// freePorts finds n different ports of 127.0.0.1 on which nobody listens.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range portTries {
		if len(ports) == n {
			return ports, nil
		}
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		if errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EACCES) {
			continue
		}
		if err != nil {
			return nil, err
		}
		defer l.Close() // only when all are found, so that they differ
		ports = append(ports, port)
	}
	return nil, fmt.Errorf("found no %d free ports of 127.0.0.1 from %d to %d", n, lowestPort, highestPort)
}
