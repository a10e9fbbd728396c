package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/protobuf/proto"
	runtimev1 "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const (
	prefixBytes = 5
	// The windows of the connection and of each stream, in bytes. The connection's is refilled by halves.
	windowBytes = 1 << 30
)

// loadOrder is the LoadOrder of bench/serving/order.ts: calls for a time, or subscriptions to events.
type loadOrder struct {
	roundOrder
	Subscribe int `json:"subscribe"`
	Receive   int `json:"receive"`
}

// newLoad sends grpc-go's headers and counts what comes back, without a gRPC library: a fraction of a client's cost, so that the
// server is the limit. Argument: the server's socket. Every order has a connection of its own.
func newLoad(args []string) answerer {
	var held *subscriptions
	return func(line []byte) (any, error) {
		var order loadOrder
		if err := json.Unmarshal(line, &order); err != nil {
			return nil, err
		}
		switch {
		case order.Subscribe > 0:
			if held != nil {
				held.conn.close()
			}
			var err error
			held, err = subscribe(args[0], order.Subscribe)
			return nil, err
		case order.Receive > 0:
			elapsed := stopwatch()
			err := held.receive(order.Receive)
			return elapsed(), err
		case order.DurationMs > 0:
			return loadRound(args[0], order.roundOrder)
		}
		if held != nil {
			held.conn.close()
			held = nil
		}
		return nil, nil
	}
}

func loadRound(socket string, order roundOrder) (any, error) {
	method, message := "Version", proto.Message(&runtimev1.VersionRequest{})
	if order.Workload.Call == "list" {
		method, message = "ListContainers", listRequest(order.Workload.Containers)
	}
	conn, err := dialLoad(socket, method, message)
	if err != nil {
		return nil, err
	}
	defer conn.close()
	expected, err := conn.firstCall()
	if err != nil {
		return nil, err
	}
	received := map[uint32]int{}
	start := func() error {
		received[conn.nextID] = 0
		return conn.request()
	}
	elapsed := stopwatch()
	end := time.Now().Add(time.Duration(order.DurationMs) * time.Millisecond)
	inFlight := min(order.Workload.InFlight, conn.maxStreams)
	for range inFlight {
		if err := start(); err != nil {
			return nil, err
		}
	}
	var calls int64
	for inFlight > 0 {
		id, size, isEnd, err := conn.read()
		if err != nil {
			return nil, err
		}
		received[id] += size
		if !isEnd {
			continue
		}
		if received[id] != expected {
			return nil, fmt.Errorf("%d bytes instead of %d", received[id], expected)
		}
		delete(received, id)
		calls++
		if time.Now().Before(end) {
			err = start()
		} else {
			inFlight--
		}
		if err != nil {
			return nil, err
		}
	}
	return roundResult{calls, elapsed()}, nil
}

// loadConn is an HTTP/2 connection that repeats one request.
type loadConn struct {
	socket     net.Conn
	reader     *bufio.Reader
	writer     *bufio.Writer
	framer     *http2.Framer
	encoder    *hpack.Encoder
	block      bytes.Buffer
	path       string
	body       []byte
	nextID     uint32
	maxStreams int
	unread     int
}

func dialLoad(path, method string, message proto.Message) (*loadConn, error) {
	socket, err := net.Dial("unix", path)
	if err != nil {
		return nil, err
	}
	encoded, err := proto.Marshal(message)
	if err != nil {
		return nil, err
	}
	body := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(encoded)))
	conn := &loadConn{
		socket:     socket,
		reader:     bufio.NewReaderSize(socket, 1<<18),
		writer:     bufio.NewWriterSize(socket, 1<<16),
		path:       "/runtime.v1.RuntimeService/" + method,
		body:       append(body, encoded...),
		nextID:     1,
		maxStreams: 1 << 30,
	}
	conn.encoder = hpack.NewEncoder(&conn.block)
	conn.framer = http2.NewFramer(conn.writer, conn.reader)
	conn.framer.SetReuseFrames()
	if _, err := conn.writer.WriteString(http2.ClientPreface); err != nil {
		return nil, err
	}
	window := http2.Setting{ID: http2.SettingInitialWindowSize, Val: windowBytes}
	if err := conn.framer.WriteSettings(window, http2.Setting{ID: http2.SettingEnablePush}); err != nil {
		return nil, err
	}
	return conn, conn.framer.WriteWindowUpdate(0, windowBytes)
}

func (conn *loadConn) close() { conn.socket.Close() }

// request writes one request, with the headers of grpc-go and a deadline that differs from call to call, as its does.
func (conn *loadConn) request() error {
	conn.block.Reset()
	timeout := fmt.Sprintf("%du", callTimeout.Microseconds()/2-int64(conn.nextID%4096)-1)
	for _, field := range [][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":path", conn.path}, {":authority", "localhost"},
		{"content-type", "application/grpc"}, {"user-agent", "grpc-go/1.81.1"}, {"te", "trailers"}, {"grpc-timeout", timeout},
	} {
		if err := conn.encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}); err != nil {
			return err
		}
	}
	id := conn.nextID
	conn.nextID += 2
	headers := http2.HeadersFrameParam{StreamID: id, BlockFragment: conn.block.Bytes(), EndHeaders: true}
	if err := conn.framer.WriteHeaders(headers); err != nil {
		return err
	}
	return conn.framer.WriteData(id, true, conn.body)
}

// firstCall makes the call once and returns the bytes of its response; fails unless its status is 0.
func (conn *loadConn) firstCall() (int, error) {
	if err := conn.request(); err != nil {
		return 0, err
	}
	status := "missing"
	decoder := hpack.NewDecoder(4096, func(field hpack.HeaderField) {
		if field.Name == "grpc-status" {
			status = field.Value
		}
	})
	total := 0
	for {
		frame, err := conn.next()
		if err != nil {
			return 0, err
		}
		switch frame := frame.(type) {
		case *http2.DataFrame:
			total += len(frame.Data())
			if err := conn.credit(int(frame.Header().Length)); err != nil {
				return 0, err
			}
		case *http2.HeadersFrame:
			if _, err := decoder.Write(frame.HeaderBlockFragment()); err != nil {
				return 0, err
			}
			if frame.StreamEnded() && status != "0" {
				return 0, fmt.Errorf("%s: grpc-status %s", conn.path, status)
			}
			if frame.StreamEnded() {
				return total, nil
			}
		}
	}
}

// read returns the next part of a response: its stream, the bytes of DATA, and whether the response ended.
func (conn *loadConn) read() (id uint32, size int, isEnd bool, err error) {
	for {
		frame, err := conn.next()
		if err != nil {
			return 0, 0, false, err
		}
		switch frame := frame.(type) {
		case *http2.DataFrame:
			return frame.StreamID, len(frame.Data()), frame.StreamEnded(), conn.credit(int(frame.Header().Length))
		case *http2.HeadersFrame:
			if frame.StreamEnded() {
				return frame.StreamID, 0, true, nil
			}
		}
	}
}

// next returns the next frame that belongs to a call. Requests are sent when nothing is left to read.
func (conn *loadConn) next() (http2.Frame, error) {
	for {
		if conn.reader.Buffered() == 0 {
			if err := conn.writer.Flush(); err != nil {
				return nil, err
			}
		}
		frame, err := conn.framer.ReadFrame()
		if err != nil {
			return nil, err
		}
		switch frame := frame.(type) {
		case *http2.DataFrame, *http2.HeadersFrame:
			return frame, nil
		case *http2.SettingsFrame:
			if frame.IsAck() {
				continue
			}
			if limit, ok := frame.Value(http2.SettingMaxConcurrentStreams); ok {
				conn.maxStreams = int(min(limit, 1<<30))
			}
			err = conn.framer.WriteSettingsAck()
		case *http2.PingFrame:
			if !frame.IsAck() {
				err = conn.framer.WritePing(true, frame.Data)
			}
		case *http2.GoAwayFrame:
			err = fmt.Errorf("%s: GOAWAY with %v", conn.path, frame.ErrCode)
		case *http2.RSTStreamFrame:
			// A server may end its side so after a complete response.
			if frame.ErrCode != http2.ErrCodeNo {
				err = fmt.Errorf("%s: RST_STREAM with %v", conn.path, frame.ErrCode)
			}
		}
		if err != nil {
			return nil, err
		}
	}
}

func (conn *loadConn) credit(size int) error {
	conn.unread += size
	if conn.unread < windowBytes/2 {
		return nil
	}
	size, conn.unread = conn.unread, 0
	return conn.framer.WriteWindowUpdate(0, uint32(size))
}

// subscriptions are open streams of events on one connection.
type subscriptions struct {
	conn  *loadConn
	sizes chan int
	ended chan error
}

// subscribe opens the streams and keeps reading from them.
func subscribe(socket string, count int) (*subscriptions, error) {
	conn, err := dialLoad(socket, "GetContainerEvents", &runtimev1.GetEventsRequest{})
	if err != nil {
		return nil, err
	}
	for range count {
		if err := conn.request(); err != nil {
			return nil, err
		}
	}
	held := &subscriptions{conn: conn, sizes: make(chan int, 1024), ended: make(chan error, 1)}
	go func() {
		for {
			_, size, isEnd, err := conn.read()
			if isEnd {
				err = errors.New("a subscription ended")
			}
			if err != nil {
				held.ended <- err
				return
			}
			held.sizes <- size
		}
	}()
	return held, nil
}

// receive waits for a number of bytes of messages.
func (held *subscriptions) receive(total int) error {
	for total > 0 {
		select {
		case size := <-held.sizes:
			total -= size
		case err := <-held.ended:
			return err
		}
	}
	return nil
}
