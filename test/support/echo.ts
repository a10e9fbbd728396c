import { create, createFileRegistry, type DescMethodStreaming } from "@bufbuild/protobuf";
import {
  type BytesValueSchema,
  FileDescriptorProtoSchema,
  file_google_protobuf_wrappers,
} from "@bufbuild/protobuf/wkt";

// CRI has no client-streaming and no bidirectional RPC, so this service stands in. Its messages are BytesValue.
const file = create(FileDescriptorProtoSchema, {
  name: "echo.proto",
  package: "test",
  syntax: "proto3",
  dependency: ["google/protobuf/wrappers.proto"],
  service: [
    {
      name: "Echo",
      method: [
        { name: "Sum", clientStreaming: true, serverStreaming: false },
        { name: "Chat", clientStreaming: true, serverStreaming: true },
      ].map((kind) => ({
        ...kind,
        inputType: ".google.protobuf.BytesValue",
        outputType: ".google.protobuf.BytesValue",
      })),
    },
  ],
});

const service = createFileRegistry(file, (name) =>
  name === file_google_protobuf_wrappers.proto.name ? file_google_protobuf_wrappers : undefined,
).getService("test.Echo");
if (!service) throw new Error("the test service did not compile");

type BytesMethod = DescMethodStreaming<typeof BytesValueSchema, typeof BytesValueSchema>;
const methodOf = (name: string) => service.methods.find((method) => method.name === name) as BytesMethod;

export const echoService = service;
/** Client streaming: returns the number of bytes received, as text. */
export const sum = methodOf("Sum");
/** Bidirectional streaming: returns each message. */
export const chat = methodOf("Chat");
