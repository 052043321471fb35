import type { Encoding } from "../../core/index.js";
import {
  type ChatService,
  type FrameEncoding,
  type Framing,
  JsonBatches,
  JsonMessages,
  maxWireBytes,
  ProtoBatches,
  type WireFormat,
} from "../../service/index.js";
import { frameHeaderBytes, writeFrameHeader } from "./protocol/frame-writer.js";
import { type Opcode, opcode } from "./protocol/opcode.js";

/** One way to speak over a WebSocket. */
export interface Form {
  /** The subprotocol that asks for it. Without one the plain form is spoken. */
  readonly subprotocol: string;
  readonly format: WireFormat;
  /** Whether messages travel in text frames, or in binary ones. */
  readonly isText: boolean;
  /** How live messages are written, headers of WebSocket frames included: shared by all connections of this form. */
  readonly encoding: Encoding;
  /** The most that one message from a client may take, in bytes. */
  readonly maxMessageBytes: number;
}

/** A form that speaks ClientFrame and ServerFrame. */
export interface FramedForm extends Form {
  readonly encoding: FrameEncoding;
}

/** The three forms of the contract on a WebSocket. */
export class Forms {
  /** The tutorials' shape: ChatMessage JSON, one object for each frame. */
  readonly plain: Form;
  private readonly framed: readonly FramedForm[];

  constructor({ json, deps }: ChatService) {
    const maxMessageBytes = { json: maxWireBytes("json", deps.limits), proto: maxWireBytes("proto", deps.limits) };
    this.plain = {
      subprotocol: "confab.v1.plain",
      format: "json",
      isText: true,
      encoding: new JsonMessages("WebSocket plain", textFraming, json),
      maxMessageBytes: maxMessageBytes.json,
    };
    this.framed = [
      {
        subprotocol: "confab.v1.json",
        format: "json",
        isText: true,
        encoding: new JsonBatches("WebSocket JSON frames", textFraming, json),
        maxMessageBytes: maxMessageBytes.json,
      },
      {
        subprotocol: "confab.v1.proto",
        format: "proto",
        isText: false,
        encoding: new ProtoBatches("WebSocket Protobuf frames", binaryFraming),
        maxMessageBytes: maxMessageBytes.proto,
      },
    ];
  }

  /** The names of all forms. */
  get subprotocols(): readonly string[] {
    return [this.plain, ...this.framed].map(({ subprotocol }) => subprotocol);
  }

  /** The first of the client's subprotocols that is spoken here. */
  choose(offered: readonly string[]): string | undefined {
    return offered.find((name) => this.subprotocols.includes(name));
  }

  /** The form with frames that a subprotocol asks for; undefined for the plain one. */
  framedForm(subprotocol: string | undefined): FramedForm | undefined {
    return this.framed.find((form) => form.subprotocol === subprotocol);
  }
}

const textFraming = framingOf(opcode.text);
const binaryFraming = framingOf(opcode.binary);

function framingOf(kind: Opcode): Framing {
  return {
    prefixBytes: frameHeaderBytes,
    writePrefix: (target, at, messageBytes) => at + writeFrameHeader(target, at, kind, messageBytes),
  };
}
