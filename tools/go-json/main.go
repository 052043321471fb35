// Reads a JSON message with protojson, with its defaults, and writes it in Protobuf, as base64.
//
//	go-json DESCRIPTOR_SET TYPE < message.json
//
// The types of the descriptor set are all that the reader knows.
package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"os"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(setPath, typeName string) error {
	encodedSet, err := os.ReadFile(setPath)
	if err != nil {
		return err
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(encodedSet, &set); err != nil {
		return err
	}
	files, err := protodesc.NewFiles(&set)
	if err != nil {
		return err
	}
	descriptor, err := files.FindDescriptorByName(protoreflect.FullName(typeName))
	if err != nil {
		return err
	}
	message := dynamicpb.NewMessage(descriptor.(protoreflect.MessageDescriptor))
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	options := protojson.UnmarshalOptions{Resolver: dynamicpb.NewTypes(files)}
	if err := options.Unmarshal(text, message); err != nil {
		return err
	}
	encoded, err := proto.Marshal(message)
	if err != nil {
		return err
	}
	fmt.Println(base64.StdEncoding.EncodeToString(encoded))
	return nil
}
