// A CRI client on grpc-go, like the kubelet and crictl, with messages as raw bytes. Makes calls to the socket in its first
// argument and prints a line of JSON for each.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/status"
)

// bytesCodec passes messages through as raw bytes.
type bytesCodec struct{}

func (bytesCodec) Marshal(v interface{}) ([]byte, error) { return *(v.(*[]byte)), nil }
func (bytesCodec) Unmarshal(data []byte, v interface{}) error {
	*(v.(*[]byte)) = append([]byte{}, data...)
	return nil
}
func (bytesCodec) Name() string { return "proto" }

type result struct {
	Name  string `json:"name"`
	Code  string `json:"code"`
	Text  string `json:"text,omitempty"`
	Bytes int    `json:"bytes"`
}

func report(name string, response []byte, err error) {
	line, _ := json.Marshal(result{name, status.Code(err).String(), status.Convert(err).Message(), len(response)})
	fmt.Println(string(line))
}

var conn *grpc.ClientConn

func call(method string, request []byte, timeout time.Duration, options ...grpc.CallOption) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var response []byte
	err := conn.Invoke(ctx, "/runtime.v1."+method, &request, &response, options...)
	return response, err
}

func stream(ctx context.Context, method string) grpc.ClientStream {
	opened, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/runtime.v1."+method)
	if err != nil {
		panic(err)
	}
	request := []byte{}
	if err := opened.SendMsg(&request); err != nil {
		panic(err)
	}
	if err := opened.CloseSend(); err != nil {
		panic(err)
	}
	return opened
}

// field encodes a protobuf field: a string or a message of less than 128 bytes.
func field(number int, value string) string {
	return string([]byte{byte(number<<3 | 2), byte(len(value))}) + value
}

func pod(name string) []byte {
	metadata := field(1, name) + field(2, "uid-"+name) + field(3, "default")
	return []byte(field(1, field(1, metadata)))
}

func main() {
	socket := os.Args[1]
	dial := func(ctx context.Context, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	var err error
	conn, err = grpc.Dial(socket, grpc.WithInsecure(), grpc.WithContextDialer(dial), grpc.WithAuthority("localhost"),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(bytesCodec{}), grpc.MaxCallRecvMsgSize(16<<20), grpc.MaxCallSendMsgSize(64<<20)))
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	const short = 10 * time.Second
	unary := func(name, method string, request []byte, options ...grpc.CallOption) {
		response, err := call(method, request, short, options...)
		report(name, response, err)
	}

	unary("version", "RuntimeService/Version", nil)
	unary("gzip", "RuntimeService/Version", nil, grpc.UseCompressor(gzip.Name))
	unary("missing", "RuntimeService/ContainerStatus", []byte(field(1, "0123")))
	unary("not implemented", "RuntimeService/CheckpointPod", nil)
	unary("unknown method", "RuntimeService/Nothing", nil)
	unary("unknown service", "NoService/Nothing", nil)
	unary("malformed", "RuntimeService/Version", []byte{0xff})
	unary("too large", "RuntimeService/Version", make([]byte, 17<<20))
	// An unknown field (127) of 14 MiB.
	unary("large", "RuntimeService/Version", append([]byte{0xfa, 0x07, 0x80, 0x80, 0x80, 0x07}, make([]byte, 7<<21)...))
	unary("run", "RuntimeService/RunPodSandbox", pod("first"))

	var group sync.WaitGroup
	failed := make(chan error, 1000)
	for i := 0; i < 1000; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			if _, err := call("RuntimeService/Version", nil, 60*time.Second); err != nil {
				failed <- err
			}
		}()
	}
	group.Wait()
	close(failed)
	report(fmt.Sprintf("1000 concurrent, %d failed", len(failed)), nil, <-failed)

	// The test delays Status by a fault, so the call exceeds the deadline that it sends to the server.
	response, err := call("RuntimeService/Status", nil, 200*time.Millisecond)
	report("late", response, err)

	for i := 0; i < 200; i++ {
		ctx, cancel := context.WithCancel(context.Background())
		events := stream(ctx, "RuntimeService/GetContainerEvents")
		if i < 199 {
			defer cancel()
			continue
		}
		// The response headers confirm the subscription.
		if _, err := events.Header(); err != nil {
			panic(err)
		}
		unary("run another", "RuntimeService/RunPodSandbox", pod("second"))
		var event []byte
		err := events.RecvMsg(&event)
		report("event", event, err)
		cancel()
		for err == nil {
			err = events.RecvMsg(&event)
		}
		report("canceled", nil, err)
	}

	list := stream(context.Background(), "RuntimeService/StreamPodSandboxes")
	bytes := 0
	for {
		var message []byte
		if err := list.RecvMsg(&message); err != nil {
			fmt.Printf("{\"name\":\"list ends\",\"code\":%q,\"bytes\":%d}\n", err, bytes)
			break
		}
		bytes += len(message)
	}
}
