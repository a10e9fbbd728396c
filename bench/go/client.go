package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	runtimev1 "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const (
	// The kubelet's limit of a message, in bytes.
	maxMessage  = 16 << 20
	callTimeout = 2 * time.Minute
)

// workload is the Workload of bench/workloads.ts.
type workload struct {
	Call       string `json:"call"`
	Containers int    `json:"containers"`
	InFlight   int    `json:"inFlight"`
}

type roundOrder struct {
	Workload   workload `json:"workload"`
	DurationMs int      `json:"durationMs"`
}

type roundResult struct {
	Calls int64 `json:"calls"`
	cost
}

// newClient is a CRI client on grpc-go, configured like the kubelet's. Argument: the server's socket.
func newClient(args []string) answerer {
	conn, err := grpc.NewClient("unix:"+args[0], grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)))
	check(err)
	cri := runtimev1.NewRuntimeServiceClient(conn)
	check(version(cri))
	return func(line []byte) (any, error) {
		var order roundOrder
		if err := json.Unmarshal(line, &order); err != nil {
			return nil, err
		}
		return repeat(order, func() error {
			if order.Workload.Call == "list" {
				return list(cri, order.Workload.Containers)
			}
			return version(cri)
		})
	}
}

func version(cri runtimev1.RuntimeServiceClient) error {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	_, err := cri.Version(ctx, &runtimev1.VersionRequest{})
	return err
}

func list(cri runtimev1.RuntimeServiceClient, count int) error {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	response, err := cri.ListContainers(ctx, listRequest(count))
	if err == nil && len(response.Containers) != count {
		err = fmt.Errorf("%d containers instead of %d", len(response.Containers), count)
	}
	return err
}

// listRequest asks the benchmark's servers for a number of containers, which they read from the filter.
func listRequest(count int) *runtimev1.ListContainersRequest {
	return &runtimev1.ListContainersRequest{Filter: &runtimev1.ContainerFilter{Id: fmt.Sprint(count)}}
}

// repeat makes calls for the ordered time, as many at a time as ordered.
func repeat(order roundOrder, call func() error) (roundResult, error) {
	var calls atomic.Int64
	var failed atomic.Pointer[error]
	var group sync.WaitGroup
	elapsed := stopwatch()
	end := time.Now().Add(time.Duration(order.DurationMs) * time.Millisecond)
	for i := 0; i < order.Workload.InFlight; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for {
				if err := call(); err != nil {
					failed.Store(&err)
					return
				}
				calls.Add(1)
				if !time.Now().Before(end) {
					return
				}
			}
		}()
	}
	group.Wait()
	if err := failed.Load(); err != nil {
		return roundResult{}, *err
	}
	return roundResult{calls.Load(), elapsed()}, nil
}
