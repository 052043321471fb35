// Command go-client makes calls with stock grpc-go and its default limits. Messages are bytes: the test makes and reads them.
//
//	go-client ADDRESS
//
// It reads one call as JSON from each line of standard input, and writes its outcome as one line of JSON.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

// timeout is long enough for any machine. No call is expected to take it.
const timeout = 2 * time.Minute

// maxLineBytes bounds one call on standard input.
const maxLineBytes = 1 << 20

// raw is a codec that leaves messages as they are.
type raw struct{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(message any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*message.(*[]byte))}, nil
}

func (raw) Unmarshal(data mem.BufferSlice, message any) error {
	*message.(*[]byte) = data.Materialize()
	return nil
}

// call is one call. Messages is how many messages to read of a stream that does not end; 0 reads to the end.
type call struct {
	Method   string
	Request  []byte
	Messages int
}

// outcome has the status and the messages of a call.
type outcome struct {
	Code     string
	Message  string
	Messages [][]byte
}

func run(connection *grpc.ClientConn, made call) outcome {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	description := &grpc.StreamDesc{ServerStreams: true}
	stream, err := connection.NewStream(ctx, description, made.Method)
	if err == nil {
		err = stream.SendMsg(&made.Request)
	}
	if err == nil {
		err = stream.CloseSend()
	}
	seen := outcome{Messages: [][]byte{}}
	for err == nil {
		message := []byte{}
		if err = stream.RecvMsg(&message); err != nil {
			break
		}
		seen.Messages = append(seen.Messages, message)
		if made.Messages > 0 && len(seen.Messages) == made.Messages {
			break
		}
	}
	if err == io.EOF {
		err = nil
	}
	seen.Code, seen.Message = status.Code(err).String(), status.Convert(err).Message()
	return seen
}

func main() {
	connection, err := grpc.NewClient(
		os.Args[1],
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(raw{})),
	)
	if err != nil {
		log.Fatal(err)
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, maxLineBytes)
	output := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var made call
		if err := json.Unmarshal(lines.Bytes(), &made); err != nil {
			log.Fatal(err)
		}
		if err := output.Encode(run(connection, made)); err != nil {
			log.Fatal(err)
		}
	}
}
