package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path"
	"strconv"

	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

const execProtocol = "v4.channel.k8s.io"

// transfer is the TransferOrder of bench/streaming/orders.ts: one command at a URL that sends or takes that many bytes.
type transfer struct {
	URL  string `json:"url"`
	Way  string `json:"way"`
	Size int64  `json:"bytes"`
	// Whether a command that takes bytes has an output as well.
	HasOutput bool `json:"hasOutput"`
}

// newExec runs a command at a streaming URL for each order, with the SPDY client below client-go's: crictl's.
func newExec([]string) answerer {
	return func(line []byte) (any, error) {
		var order transfer
		if err := json.Unmarshal(line, &order); err != nil {
			return nil, err
		}
		elapsed := stopwatch()
		err := order.run()
		return elapsed(), err
	}
}

func (order transfer) run() error {
	upgrader, err := spdy.NewRoundTripper(nil)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(http.MethodPost, order.URL, nil)
	if err != nil {
		return err
	}
	request.Header.Set(httpstream.HeaderProtocolVersion, execProtocol)
	response, err := upgrader.RoundTrip(request)
	if err != nil {
		return err
	}
	conn, err := upgrader.NewConnection(response)
	if err != nil {
		return err
	}
	defer conn.Close()
	open := func(kind string) (httpstream.Stream, error) {
		return conn.CreateStream(http.Header{"Streamtype": {kind}})
	}
	status, err := open("error")
	if err != nil {
		return err
	}
	if order.Way == "down" {
		stdout, err := open("stdout")
		if err != nil {
			return err
		}
		received, err := io.Copy(io.Discard, stdout)
		if err == nil && received != order.Size {
			err = fmt.Errorf("%d bytes came instead of %d", received, order.Size)
		}
		return err
	}
	stdin, err := open("stdin")
	if err != nil {
		return err
	}
	if order.HasOutput {
		stdout, err := open("stdout")
		if err != nil {
			return err
		}
		go io.Copy(io.Discard, stdout)
	}
	if _, err := io.Copy(stdin, io.LimitReader(zeros{}, order.Size)); err != nil {
		return err
	}
	if err := stdin.Close(); err != nil {
		return err
	}
	// The status of the command ends the session.
	_, err = io.Copy(io.Discard, status)
	return err
}

// zeros is an endless input.
type zeros struct{}

func (zeros) Read(bytes []byte) (int, error) {
	clear(bytes)
	return len(bytes), nil
}

// newStreamServer is a streaming server with the SPDY library of the runtimes. A URL is /down/BYTES or /up/BYTES, as the command that it
// stands for. Its response to an order is its address and its CPU time so far.
func newStreamServer([]string) answerer {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go func() { check(http.Serve(listener, http.HandlerFunc(serveCommand))) }()
	return func([]byte) (any, error) {
		address := "http://" + listener.Addr().String()
		return map[string]any{"address": address, "cpuUs": float64(cpuTime().Nanoseconds()) / 1e3}, nil
	}
}

func serveCommand(response http.ResponseWriter, request *http.Request) {
	way, bytes := path.Split(request.URL.Path)
	size, err := strconv.ParseInt(bytes, 10, 64)
	check(err)
	if _, err := httpstream.Handshake(request, response, []string{execProtocol}); err != nil {
		return
	}
	streams := make(chan httpstream.Stream, 4)
	conn := spdy.NewResponseUpgrader().UpgradeResponse(response, request, func(stream httpstream.Stream, _ <-chan struct{}) error {
		streams <- stream
		return nil
	})
	if conn == nil {
		return
	}
	defer conn.Close()
	var status, data httpstream.Stream
	for status == nil || data == nil {
		select {
		case stream := <-streams:
			if stream.Headers().Get("streamtype") == "error" {
				status = stream
			} else {
				data = stream
			}
		case <-conn.CloseChan():
			return
		}
	}
	if way == "/down/" {
		piece := make([]byte, 1<<15)
		for sent := int64(0); sent < size; sent += int64(len(piece)) {
			if _, err := data.Write(piece); err != nil {
				return
			}
		}
		data.Close()
	} else if received, err := io.Copy(io.Discard, data); err != nil || received != size {
		fmt.Fprintf(status, `{"metadata":{},"status":"Failure","message":"%d bytes came: %v"}`, received, err)
		status.Close()
		return
	}
	io.WriteString(status, `{"metadata":{},"status":"Success"}`)
	status.Close()
}
