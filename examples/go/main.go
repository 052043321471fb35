// Command chat sends messages to a room and reads the room, by stock gRPC, through restarts of the server.
//
//	curl -O http://127.0.0.1:8080/confab.proto
//	buf generate confab.proto
//	go run . 127.0.0.1:8080 lobby ada 10
//
// It prints `OFFSET USER: TEXT` for each message, and ends when it has read each message that it sent.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	confabv1 "example.com/chat/confab/v1"
)

// Unary calls have a deadline: how long the server may be away before the caller is told.
const callTimeout = time.Minute

// gRPC repeats these calls by itself. UNAVAILABLE is the only code for that: after other codes the same call fails again,
// or has to wait for longer (RESOURCE_EXHAUSTED). StreamMessages is not among them, since it has to go on from elsewhere.
const serviceConfig = `{"methodConfig": [{
	"name": [
		{"service": "confab.v1.ChatService", "method": "SendMessage"},
		{"service": "confab.v1.ChatService", "method": "GetHistory"}
	],
	"retryPolicy": {
		"maxAttempts": 5,
		"initialBackoff": "0.2s",
		"maxBackoff": "5s",
		"backoffMultiplier": 2,
		"retryableStatusCodes": ["UNAVAILABLE"]
	}
}]}`

func dial(address string) (*grpc.ClientConn, error) {
	// The default waits for up to two minutes between attempts to connect.
	reconnect := backoff.DefaultConfig
	reconnect.MaxDelay = 5 * time.Second
	return grpc.NewClient(
		address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(serviceConfig),
		// A call that finds the server away waits for it, instead of an error at once.
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: reconnect.MaxDelay}),
		// A peer that is gone without a word is noticed after half a minute. The server allows pings at any interval.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 20 * time.Second, Timeout: 10 * time.Second}),
	)
}

func send(ctx context.Context, client confabv1.ChatServiceClient, room, user string, ids []string) error {
	for i, id := range ids {
		call, cancel := context.WithTimeout(ctx, callTimeout)
		// A message with an id is stored once, however often the call is repeated.
		message := &confabv1.ChatMessage{Room: room, User: user, Id: id, Text: fmt.Sprintf("hello %d", i+1)}
		_, err := client.SendMessage(call, message)
		cancel()
		if err != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil
}

// read prints what follows a position, until all ids have come.
func read(ctx context.Context, client confabv1.ChatServiceClient, room, user string, after *confabv1.Position, ids []string) error {
	awaited := make(map[string]bool, len(ids))
	for _, id := range ids {
		awaited[id] = true
	}
	for len(awaited) > 0 {
		// No deadline: the stream is open for as long as there is something to wait for.
		stream, err := client.StreamMessages(ctx, &confabv1.User{Name: user, Room: room, After: after})
		for err == nil && len(awaited) > 0 {
			var message *confabv1.ChatMessage
			if message, err = stream.Recv(); err == nil {
				fmt.Printf("%d %s: %s\n", message.Position.Offset, message.User, message.Text)
				after = message.Position
				delete(awaited, message.Id)
			}
		}
		switch status.Code(err) {
		case codes.OK:
		case codes.Unavailable:
			// At random, so that all clients of a server that went away do not come back in the same moment.
			time.Sleep(100*time.Millisecond + mathrand.N(900*time.Millisecond))
		default:
			return err
		}
	}
	return nil
}

func chat(address, room, user string, count int) error {
	connection, err := dial(address)
	if err != nil {
		return err
	}
	defer connection.Close()
	client := confabv1.NewChatServiceClient(connection)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)

	ids := make([]string, count)
	for i := range ids {
		ids[i] = rand.Text()
	}
	// The position first, then the messages: so none of them is missed.
	call, done := context.WithTimeout(ctx, callTimeout)
	page, err := client.GetHistory(call, &confabv1.GetHistoryRequest{Room: room, Limit: 1})
	done()
	if err != nil {
		return err
	}
	// When a message cannot be sent, reading ends with that error.
	go func() {
		if err := send(ctx, client, room, user, ids); err != nil {
			cancel(err)
		}
	}()
	if err := read(ctx, client, room, user, page.Newest, ids); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	return nil
}

// explain is the text of an error. The details of OUT_OF_RANGE say what the log holds.
func explain(err error) string {
	failed := status.Convert(err)
	for _, detail := range failed.Details() {
		if held, ok := detail.(*confabv1.AvailableRange); ok {
			return fmt.Sprintf("%v; the log holds %d to %d", err, held.Oldest.Offset, held.Newest.Offset)
		}
	}
	return err.Error()
}

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: chat ADDRESS ROOM USER COUNT")
		os.Exit(2)
	}
	count, err := strconv.Atoi(os.Args[4])
	if err == nil {
		err = chat(os.Args[1], os.Args[2], os.Args[3], count)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, explain(err))
		os.Exit(1)
	}
}
