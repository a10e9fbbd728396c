package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	runtimev1 "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// criServer answers with the messages of a folder: version.bin, event.bin and one list for each number of containers.
type criServer struct {
	runtimev1.UnimplementedRuntimeServiceServer
	version *runtimev1.VersionResponse
	event   *runtimev1.ContainerEventResponse
	lists   map[string]*runtimev1.ListContainersResponse

	lock        sync.Mutex
	subscribers map[chan *runtimev1.ContainerEventResponse]struct{}
}

// encodedOnce passes on the bytes of messages that it knows, so that the server's cost is that of grpc-go alone.
type encodedOnce struct {
	encoding.CodecV2
	known map[any][]byte
}

func (codec encodedOnce) Marshal(message any) (mem.BufferSlice, error) {
	if bytes, ok := codec.known[message]; ok {
		return mem.BufferSlice{mem.SliceBuffer(bytes)}, nil
	}
	return codec.CodecV2.Marshal(message)
}

// newServer is a CRI server on grpc-go. Arguments: the socket, the folder of its messages, and "encoded" or "messages": whether it
// sends the bytes of the files, or encodes every response.
func newServer(args []string) answerer {
	socket, folder, isEncoded := args[0], args[1], args[2] == "encoded"
	known := map[any][]byte{}
	server := &criServer{
		version:     &runtimev1.VersionResponse{},
		event:       &runtimev1.ContainerEventResponse{},
		lists:       map[string]*runtimev1.ListContainersResponse{},
		subscribers: map[chan *runtimev1.ContainerEventResponse]struct{}{},
	}
	load := func(file string, message proto.Message) {
		bytes, err := os.ReadFile(filepath.Join(folder, file))
		check(err)
		check(proto.Unmarshal(bytes, message))
		known[message] = bytes
	}
	load("version.bin", server.version)
	load("event.bin", server.event)
	files, err := filepath.Glob(filepath.Join(folder, "list-*.bin"))
	check(err)
	for _, file := range files {
		response := &runtimev1.ListContainersResponse{}
		load(filepath.Base(file), response)
		server.lists[fmt.Sprint(len(response.Containers))] = response
	}
	options := []grpc.ServerOption{grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage)}
	if isEncoded {
		options = append(options, grpc.ForceServerCodecV2(encodedOnce{encoding.GetCodecV2("proto"), known}))
	}
	grpcServer := grpc.NewServer(options...)
	runtimev1.RegisterRuntimeServiceServer(grpcServer, server)
	listener, err := net.Listen("unix", socket)
	check(err)
	go func() { check(grpcServer.Serve(listener)) }()
	return server.answer
}

func (server *criServer) Version(context.Context, *runtimev1.VersionRequest) (*runtimev1.VersionResponse, error) {
	return server.version, nil
}

func (server *criServer) ListContainers(_ context.Context, request *runtimev1.ListContainersRequest) (*runtimev1.ListContainersResponse, error) {
	response, ok := server.lists[request.GetFilter().GetId()]
	if !ok {
		return nil, fmt.Errorf("there is no list for %q", request)
	}
	return response, nil
}

func (server *criServer) GetContainerEvents(_ *runtimev1.GetEventsRequest, stream grpc.ServerStreamingServer[runtimev1.ContainerEventResponse]) error {
	events := make(chan *runtimev1.ContainerEventResponse, 16)
	server.lock.Lock()
	server.subscribers[events] = struct{}{}
	server.lock.Unlock()
	defer func() {
		server.lock.Lock()
		delete(server.subscribers, events)
		server.lock.Unlock()
	}()
	for {
		select {
		case event := <-events:
			if err := stream.Send(event); err != nil {
				return err
			}
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}

// serverOrder is the ServerOrder of bench/serving/order.ts.
type serverOrder struct {
	Do    string `json:"do"`
	Count int    `json:"count"`
}

func (server *criServer) answer(line []byte) (any, error) {
	var order serverOrder
	if err := json.Unmarshal(line, &order); err != nil {
		return nil, err
	}
	switch order.Do {
	case "rest":
		debug.FreeOSMemory()
	case "subscribed":
		if err := server.waitForSubscribers(order.Count); err != nil {
			return nil, err
		}
	case "broadcast":
		server.broadcast(order.Count)
	}
	return float64(cpuTime().Nanoseconds()) / 1e3, nil
}

func (server *criServer) waitForSubscribers(count int) error {
	for range 6_000 {
		server.lock.Lock()
		now := len(server.subscribers)
		server.lock.Unlock()
		if now == count {
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return errors.New("the subscribers did not arrive")
}

func (server *criServer) broadcast(count int) {
	server.lock.Lock()
	defer server.lock.Unlock()
	for range count {
		for events := range server.subscribers {
			events <- server.event
		}
	}
}
