import { difference, withUnit } from "../report/format.js";
import {
  bestOf,
  byteRowOf,
  bytesOf,
  contenderOf,
  contendersOf,
  entryOf,
  labelOf,
  type webSocketNames,
} from "../report/lookup.js";
import type { ReportFacts } from "../report/report-facts.js";
import { compareEstimates, estimateOf } from "../statistics/estimate.js";
import { type Judgement, notMeasured, tooFewRounds } from "./claim.js";

/** From here on a message is "significantly" smaller: a third less. Between this and `noticeable` it depends. */
const significant = 0.67;
const noticeable = 0.95;

/** 1: the payload alone decides; what is left of it on the wire is said too. */
export function binaryIsSmaller(facts: ReportFacts): Judgement {
  const { jsonBytes, protobufBytes } = facts.message;
  const share = protobufBytes / jsonBytes;
  const packed = facts.serialisation;
  const [grpc, json] = [contenderOf(facts, "grpc"), contenderOf(facts, "websocket")];
  const [grpcBytes, jsonWire] = [bytesOf(grpc, "receive"), bytesOf(json, "receive")];
  const parts = [
    `This message is ${withUnit(protobufBytes, "B")} in Protobuf and ${withUnit(jsonBytes, "B")} in JSON: ${difference(protobufBytes, jsonBytes)}.`,
  ];
  if (packed !== undefined)
    parts.push(`As gzip: ${withUnit(packed.protobufGzipBytes, "B")} and ${withUnit(packed.jsonGzipBytes, "B")}.`);
  if (grpcBytes !== undefined && jsonWire !== undefined)
    parts.push(`To receive one: ${withUnit(grpcBytes, "B")} by gRPC, ${withUnit(jsonWire, "B")} by a plain WebSocket.`);
  const verdict = share <= significant ? "held" : share <= noticeable ? "depends" : "did not hold";
  return { verdict, figure: parts.join(" ") };
}

/** 2: gRPC against the best WebSocket that speaks JSON; the rule for ties decides, at the middle and at the tail. */
export function latencyIsLower(facts: ReportFacts): Judgement {
  const grpc = contenderOf(facts, "grpc");
  const json = contendersOf(facts, ["websocket", "websocket-json"]);
  const [p50, p99] = [entryOf(facts, "p50Ms", grpc?.id), entryOf(facts, "p99Ms", grpc?.id)];
  const [other50, other99] = [bestOf(facts, "p50Ms", json), bestOf(facts, "p99Ms", json)];
  if (p50 === undefined || p99 === undefined || other50 === undefined || other99 === undefined)
    return notMeasured("the latency of gRPC or of a JSON WebSocket");
  const outcomes = [compareEstimates(p50.estimate, other50.estimate), compareEstimates(p99.estimate, other99.estimate)];
  if (outcomes.includes("unknown")) return tooFewRounds("Latency");
  const verdict = outcomes.every((each) => each === "lower")
    ? "held"
    : outcomes.includes("lower")
      ? "depends"
      : "did not hold";
  const told = (name: string, own: typeof p50, other: typeof other50, outcome: string | undefined): string =>
    `${name} ${withUnit(own.estimate.value, "ms")} against ${withUnit(other.estimate.value, "ms")} of ${labelOf(facts, other.id)} (${outcome === "tie" ? "a tie" : outcome})`;
  return {
    verdict,
    figure: `gRPC: ${told("p50", p50, other50, outcomes[0])}; ${told("p99", p99, other99, outcomes[1])}.`,
  };
}

/** 3: encoding and decoding in this runtime decide, unless the whole server's CPU for a message says otherwise. */
export function serialisationIsCheaper(facts: ReportFacts): Judgement {
  const { serialisation } = facts;
  if (serialisation === undefined) return notMeasured("encoding and decoding");
  const json = estimateOf(sums(serialisation.jsonEncodeNs, serialisation.jsonDecodeNs));
  const protobuf = estimateOf(sums(serialisation.protobufEncodeNs, serialisation.protobufDecodeNs));
  if (json === undefined || protobuf === undefined) return notMeasured("encoding and decoding");
  const outcome = compareEstimates(protobuf, json);
  if (outcome === "unknown") return tooFewRounds("Encoding and decoding");
  const parts = [
    `Encoding and decoding it in ${`Node ${process.version}`}: ${withUnit(protobuf.value / 1000, "µs")} with protobuf-es, ${withUnit(json.value / 1000, "µs")} with JSON (${outcome === "tie" ? "a tie" : difference(protobuf.value, json.value)}).`,
  ];
  const grpc = entryOf(facts, "serverCpuUs", contenderOf(facts, "grpc")?.id);
  const webSocket = bestOf(facts, "serverCpuUs", contendersOf(facts, ["websocket", "websocket-json"]));
  const ofServer = grpc && webSocket && compareEstimates(grpc.estimate, webSocket.estimate);
  if (grpc !== undefined && webSocket !== undefined)
    parts.push(
      `The server's CPU for a message to ${facts.settings.subscribers} readers: ${withUnit(grpc.estimate.value, "µs")} by gRPC, ${withUnit(webSocket.estimate.value, "µs")} by ${labelOf(facts, webSocket.id)}${ofServer === "tie" ? " (a tie)" : ""}.`,
    );
  const figure = parts.join(" ");
  if (outcome === "lower") return { verdict: ofServer === "higher" ? "depends" : "held", figure };
  return { verdict: ofServer === "lower" ? "depends" : "did not hold", figure };
}

function sums(a: readonly number[], b: readonly number[]): number[] {
  return a.map((value, index) => value + (b[index] ?? 0));
}

/** Bytes that headers add to each message of a transport; what claims about "no header overhead" rest on. */
export function headBytesPerMessage(facts: ReportFacts, name: (typeof webSocketNames)[number]): number | undefined {
  const contender = contenderOf(facts, name);
  const [send, receive] = [byteRowOf(contender, "send"), byteRowOf(contender, "receive")];
  return send && receive && send.headBytes + receive.headBytes;
}
