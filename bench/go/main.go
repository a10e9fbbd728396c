// The Go side of the benchmark, on the libraries of the kubelet, crictl and the runtimes. The first argument is a role. Every role
// is a child process of the benchmark: it reads orders from stdin, one line of JSON each, and answers each with one line on stdout.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"syscall"
	"time"
)

var roles = map[string]func(args []string) answerer{
	"client": newClient,
	"server": newServer,
	"load":   newLoad,
	"logs":   newLogs,
	"exec":   newExec,
	"stream": newStreamServer,
}

// answerer carries out one order.
type answerer func(order []byte) (any, error)

func main() {
	role, ok := roles[os.Args[1]]
	if !ok {
		fail(fmt.Errorf("unknown role %q", os.Args[1]))
	}
	answer := role(os.Args[2:])
	out := json.NewEncoder(os.Stdout)
	check(out.Encode("ready"))
	orders := bufio.NewReader(os.Stdin)
	for {
		order, err := orders.ReadBytes('\n')
		if err != nil {
			return // The benchmark has ended.
		}
		result, err := answer(order)
		check(err)
		check(out.Encode(result))
	}
}

// cost is what the work since a moment took.
type cost struct {
	WallMs float64 `json:"wallMs"`
	CPUUs  float64 `json:"cpuUs"`
}

// stopwatch returns a function that returns the cost since the call of stopwatch.
func stopwatch() func() cost {
	began, cpu := time.Now(), cpuTime()
	return func() cost {
		return cost{
			WallMs: float64(time.Since(began).Nanoseconds()) / 1e6,
			CPUUs:  float64((cpuTime() - cpu).Nanoseconds()) / 1e3,
		}
	}
}

// cpuTime returns the CPU time of this process, with the scheduler's precision; /proc counts ticks of 10 ms.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func check(err error) {
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "bench/go:", err)
	os.Exit(1)
}
