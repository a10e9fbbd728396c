package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// logEntry is a record of a CRI log, as the kubelet and crictl parse it.
type logEntry struct {
	time   time.Time
	stream string
	isFull bool
	text   []byte
}

// newLogs reads a log once per order. Arguments: "lines" or "entries", and the path.
func newLogs(args []string) answerer {
	path := args[1]
	read := readLines
	if args[0] == "entries" {
		read = readEntries
	}
	return func([]byte) (any, error) {
		elapsed := stopwatch()
		bytes, err := read(path)
		if err == nil && bytes == 0 {
			err = errors.New("nothing was read")
		}
		return elapsed(), err
	}
}

func readLines(path string) (int, error) {
	total := 0
	err := forEachLine(path, func(line []byte) error {
		total += len(line)
		return nil
	})
	return total, err
}

func readEntries(path string) (int, error) {
	total := 0
	var entry logEntry
	err := forEachLine(path, func(line []byte) error {
		if err := entry.parse(line); err != nil {
			return err
		}
		total += len(entry.text)
		return nil
	})
	return total, err
}

func forEachLine(path string, use func(line []byte) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	reader := bufio.NewReaderSize(file, 1<<16)
	for {
		line, err := reader.ReadSlice('\n')
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = use(line)
		}
		if err != nil {
			return err
		}
	}
}

// parse takes the fields of a line: the time, the stream, the tag and the text.
func (entry *logEntry) parse(line []byte) error {
	stamp, rest, _ := bytes.Cut(line, []byte(" "))
	stream, rest, _ := bytes.Cut(rest, []byte(" "))
	tag, text, isComplete := bytes.Cut(rest, []byte(" "))
	if !isComplete {
		return fmt.Errorf("%q is not a record", line)
	}
	var err error
	entry.time, err = time.Parse(time.RFC3339Nano, string(stamp))
	entry.stream, entry.isFull, entry.text = string(stream), string(tag) == "F", text
	return err
}
