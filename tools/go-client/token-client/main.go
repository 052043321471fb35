// Command token-client reads a room and sends to it with stock grpc-go, by tokens that expire every few seconds.
//
//	token-client PLAN
//
// PLAN is JSON: see the type plan. The outcome is one line of JSON on standard output; the test judges it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// timeout is long enough for any machine. The program is not expected to take it.
const timeout = 3 * time.Minute

type plan struct {
	Address string
	// Authority is a file with the certificate to trust; empty for clear text.
	Authority string
	// Descriptors is a file with the contract as a FileDescriptorSet.
	Descriptors string
	// TokenURL gives a new token with each GET.
	TokenURL string
	Room     string
	// User begins the ids of the messages.
	User string
	// After is the position to read from, as JSON.
	After json.RawMessage
	// Seconds is how long to send.
	Seconds int
	// IntervalMs is the time between two messages.
	IntervalMs int
	// Last is the text of the last message.
	Last string
}

type receivedMessage struct {
	ID       string          `json:"id"`
	Text     string          `json:"text"`
	Position json.RawMessage `json:"position"`
}

type outcome struct {
	Received []receivedMessage `json:"received"`
	Sent     []string          `json:"sent"`
	Expired  struct {
		Reads int `json:"reads"`
		Sends int `json:"sends"`
	} `json:"expired"`
}

// tokenSource is what grpc-go asks for the metadata of each call: credentials.PerRPCCredentials.
type tokenSource struct {
	url     string
	isOnTLS bool
	mutex   sync.Mutex
	token   string
}

func (tokens *tokenSource) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	token, err := tokens.current(ctx)
	return map[string]string{"authorization": "Bearer " + token}, err
}

func (tokens *tokenSource) RequireTransportSecurity() bool { return tokens.isOnTLS }

// current fetches a token where none is held.
func (tokens *tokenSource) current(ctx context.Context) (string, error) {
	tokens.mutex.Lock()
	defer tokens.mutex.Unlock()
	if tokens.token != "" {
		return tokens.token, nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, tokens.url, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("no token: %s", response.Status)
	}
	tokens.token = string(text)
	return tokens.token, err
}

// forget makes the next call fetch a token.
func (tokens *tokenSource) forget() {
	tokens.mutex.Lock()
	tokens.token = ""
	tokens.mutex.Unlock()
}

func isExpired(err error) bool {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.Reason == "TOKEN_EXPIRED"
		}
	}
	return false
}

// contract makes messages of the contract, which this program knows only from its descriptors.
type contract struct{ files *protoregistry.Files }

func readContract(file string) (contract, error) {
	bytes, err := os.ReadFile(file)
	if err != nil {
		return contract{}, err
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(bytes, set); err != nil {
		return contract{}, err
	}
	files, err := protodesc.NewFiles(set)
	return contract{files}, err
}

func (types contract) empty(name protoreflect.FullName) *dynamicpb.Message {
	descriptor, err := types.files.FindDescriptorByName("confab.v1." + name)
	if err != nil {
		log.Fatal(err)
	}
	return dynamicpb.NewMessage(descriptor.(protoreflect.MessageDescriptor))
}

func (types contract) message(name protoreflect.FullName, fields map[string]any) *dynamicpb.Message {
	made := types.empty(name)
	text, err := json.Marshal(fields)
	if err == nil {
		err = protojson.Unmarshal(text, made)
	}
	if err != nil {
		log.Fatal(err)
	}
	return made
}

// read reads the room until the last message, and comes back after its last position when its token has expired.
func read(ctx context.Context, connection *grpc.ClientConn, types contract, tokens *tokenSource, made plan, seen *outcome) error {
	after := made.After
	for {
		err := readStream(ctx, connection, types, made, &after, seen)
		if err == nil || !isExpired(err) {
			return err
		}
		seen.Expired.Reads++
		tokens.forget()
	}
}

// readStream returns nil after the last message.
func readStream(ctx context.Context, connection *grpc.ClientConn, types contract, made plan, after *json.RawMessage, seen *outcome) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	description := &grpc.StreamDesc{ServerStreams: true}
	stream, err := connection.NewStream(ctx, description, "/confab.v1.ChatService/StreamMessages")
	if err != nil {
		return err
	}
	reader := types.message("User", map[string]any{"room": made.Room, "after": *after})
	// io.EOF says that the stream is over already; RecvMsg has its status.
	if err := stream.SendMsg(reader); err != nil && err != io.EOF {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	for {
		message := types.empty("ChatMessage")
		if err := stream.RecvMsg(message); err != nil {
			return err
		}
		text, err := protojson.Marshal(message)
		if err != nil {
			return err
		}
		var received receivedMessage
		if err := json.Unmarshal(text, &received); err != nil {
			return err
		}
		seen.Received = append(seen.Received, received)
		*after = received.Position
		if received.Text == made.Last {
			return nil
		}
	}
}

// send sends one message after another. What was refused as its token had expired is sent again with the same id.
func send(ctx context.Context, connection *grpc.ClientConn, types contract, tokens *tokenSource, made plan, seen *outcome) error {
	end := time.Now().Add(time.Duration(made.Seconds) * time.Second)
	for isLast := false; !isLast; {
		time.Sleep(time.Duration(made.IntervalMs) * time.Millisecond)
		isLast = time.Now().After(end)
		id := fmt.Sprintf("%s-%d", made.User, len(seen.Sent))
		text := id
		if isLast {
			text = made.Last
		}
		message := types.message("ChatMessage", map[string]any{"room": made.Room, "id": id, "text": text})
		for {
			err := connection.Invoke(ctx, "/confab.v1.ChatService/SendMessage", message, types.empty("ChatResponse"))
			if err == nil {
				break
			}
			if !isExpired(err) {
				return err
			}
			seen.Expired.Sends++
			tokens.forget()
		}
		seen.Sent = append(seen.Sent, id)
	}
	return nil
}

func main() {
	var made plan
	if err := json.Unmarshal([]byte(os.Args[1]), &made); err != nil {
		log.Fatal(err)
	}
	types, err := readContract(made.Descriptors)
	if err != nil {
		log.Fatal(err)
	}
	channel := insecure.NewCredentials()
	if made.Authority != "" {
		if channel, err = credentials.NewClientTLSFromFile(made.Authority, ""); err != nil {
			log.Fatal(err)
		}
	}
	tokens := &tokenSource{url: made.TokenURL, isOnTLS: made.Authority != ""}
	connection, err := grpc.NewClient(
		made.Address,
		grpc.WithTransportCredentials(channel),
		grpc.WithPerRPCCredentials(tokens),
	)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	seen := outcome{Received: []receivedMessage{}, Sent: []string{}}
	reading := make(chan error, 1)
	go func() { reading <- read(ctx, connection, types, tokens, made, &seen) }()
	if err := send(ctx, connection, types, tokens, made, &seen); err != nil {
		log.Fatal("sending: ", err)
	}
	if err := <-reading; err != nil {
		log.Fatal("reading: ", err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(seen); err != nil {
		log.Fatal(err)
	}
}
