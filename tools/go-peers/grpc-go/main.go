// Command grpc-go is a peer of the bench: google.golang.org/grpc passing messages on. It stores nothing and is spared all
// encoding: messages stay bytes. Each stream has a channel, as the project's own examples have it.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/tap"
)

// queuedMessages bounds the channel of one stream. A stream that is that far behind holds the sender up.
const queuedMessages = 1024

// raw is a codec that leaves messages as they are.
type raw struct{}

var _ encoding.CodecV2 = raw{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(message any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*message.(*[]byte))}, nil
}

func (raw) Unmarshal(data mem.BufferSlice, message any) error {
	*message.(*[]byte) = data.Materialize()
	return nil
}

// hub holds the streams of one room. grpc-go runs each call in its own goroutine, so calls of one connection overtake
// each other. A chat must not, so each send waits for the one whose headers came before its own.
type hub struct {
	mutex   sync.RWMutex
	streams map[chan *[]byte]struct{}
	last    atomic.Pointer[place]
}

// place is where a send stands in the order of arrival.
type place struct {
	previous *place
	done     chan struct{}
}

// placeKey finds the place in a call's context.
type placeKey struct{}

// tap runs on the goroutine that reads the connection, so places follow the order of the calls.
func (h *hub) tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	if !strings.HasSuffix(info.FullMethodName, "/SendMessage") {
		return ctx, nil
	}
	mine := &place{done: make(chan struct{})}
	mine.previous = h.last.Swap(mine)
	return context.WithValue(ctx, placeKey{}, mine), nil
}

func (h *hub) enter(queue chan *[]byte) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.streams[queue] = struct{}{}
}

func (h *hub) leave(queue chan *[]byte) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	delete(h.streams, queue)
}

// publish gives a message to all streams, after the messages that arrived before it. Without a stream there is no order.
func (h *hub) publish(message *[]byte, mine *place) {
	defer close(mine.done)
	h.mutex.RLock()
	defer h.mutex.RUnlock()
	if len(h.streams) > 0 && mine.previous != nil {
		<-mine.previous.done
	}
	mine.previous = nil
	for queue := range h.streams {
		queue <- message
	}
}

// response is a ChatResponse as Confab answers it, in bytes: an id of 36 characters, a position and a time.
var response = append([]byte{0x0a, 36}, []byte("01990000-0000-7000-8000-000000000000\x12\x07\x0d\x01\x00\x00\x00\x10\x01\x1a\x06\x08\x80\x80\x80\xc0\x06")...)

func (h *hub) send(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	message := new([]byte)
	if err := decode(message); err != nil {
		return nil, err
	}
	h.publish(message, ctx.Value(placeKey{}).(*place))
	return &response, nil
}

func (h *hub) stream(_ any, stream grpc.ServerStream) error {
	request := new([]byte)
	if err := stream.RecvMsg(request); err != nil {
		return err
	}
	queue := make(chan *[]byte, queuedMessages)
	h.enter(queue)
	defer h.leave(queue)
	// The headers tell the client that it is a subscriber.
	if err := stream.SendHeader(metadata.MD{}); err != nil {
		return err
	}
	for {
		select {
		case message := <-queue:
			if err := stream.SendMsg(message); err != nil {
				return err
			}
		case <-stream.Context().Done():
			return nil
		}
	}
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "--version" {
		fmt.Println(grpc.Version)
		return
	}
	h := &hub{streams: map[chan *[]byte]struct{}{}}
	server := grpc.NewServer(grpc.ForceServerCodecV2(raw{}), grpc.InTapHandle(h.tap))
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "confab.v1.ChatService",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "SendMessage", Handler: h.send}},
		Streams:     []grpc.StreamDesc{{StreamName: "StreamMessages", Handler: h.stream, ServerStreams: true}},
	}, h)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", listener.Addr())
	log.Fatal(server.Serve(listener))
}
