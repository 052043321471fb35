import type { Trial } from "../measure/facts.js";
import { withUnit } from "../report/format.js";
import { byteRowOf, contenderOf, contendersOf, entryOf, figureOf, webSocketNames } from "../report/lookup.js";
import type { ContenderReport, ReportFacts } from "../report/report-facts.js";
import { type Judgement, notMeasured } from "./claim.js";
import { headBytesPerMessage } from "./cost.js";

const webSocketsOf = (facts: ReportFacts): readonly ContenderReport[] => contendersOf(facts, webSocketNames);

/** 4: a message that breaks the contract is sent by each; whoever refuses it has a contract. */
export function contractIsStrict(facts: ReportFacts): Judgement {
  const grpc = contenderOf(facts, "grpc")?.facts?.contract;
  const webSockets = webSocketsOf(facts).flatMap(({ label, facts: own }) =>
    own ? [{ label, trial: own.contract }] : [],
  );
  if (grpc === undefined || webSockets.length === 0) return notMeasured("gRPC or a WebSocket");
  const refusing = webSockets.filter(({ trial }) => trial.works);
  const figure = `A user name of 65 characters, where the contract allows 64: gRPC ${refusal(grpc)}; ${webSockets.map(({ label, trial }) => `${label} ${refusal(trial)}`).join("; ")}. The contract belongs to the server, not to the transport.`;
  if (!grpc.works) return { verdict: "did not hold", figure };
  return {
    verdict: refusing.length === 0 ? "held" : refusing.length < webSockets.length ? "depends" : "did not hold",
    figure,
  };
}

function refusal({ works, seen }: Trial): string {
  return works ? `refuses it (${seen.split(":", 1)[0]})` : `does not refuse it (${seen})`;
}

/** 5: fifty sends at once, and the connections that a relay saw. */
export function manyCallsOnOne(facts: ReportFacts): Judgement {
  const many = contenderOf(facts, "grpc")?.facts?.manySends;
  if (many === undefined) return notMeasured("gRPC");
  const others = contendersOf(facts, ["connect-json", "sse", "websocket-json"]).flatMap(({ label, facts: own }) =>
    own ? [`${label}: ${own.manySends.connections}`] : [],
  );
  const figure = `gRPC: ${many.seen}${others.length > 0 ? ` (connections that the lab's clients of others took: ${others.join(", ")}; over HTTP/1.1 they open up to six, as browsers do)` : ""}.`;
  return { verdict: many.works ? "held" : "did not hold", figure };
}

/** 6: that `fetch` cannot read gRPC is the specifications' to say; what is tried is the way through plain HTTP/1.1. */
export function browsersNeedAProxy(facts: ReportFacts): Judgement {
  const grpc = contenderOf(facts, "grpc")?.facts;
  const web = contenderOf(facts, "grpc-web")?.facts;
  if (grpc === undefined || web === undefined) return notMeasured("gRPC or gRPC-Web");
  const figure =
    `By specification, not measured: fetch shows a page no trailers, where gRPC has its status. ` +
    `Tried: by plain HTTP/1.1 gRPC ${grpc.http1Proxy.works ? "works" : `does not work (${withoutAddress(grpc.http1Proxy.seen)})`}; ` +
    `gRPC-Web ${web.push.works ? "works straight from the server, with no Envoy between" : `fails (${withoutAddress(web.push.seen)})`}.`;
  if (!web.push.works) return { verdict: "held", figure };
  return { verdict: "depends", figure: `${figure} The first half holds, the proxy is not needed.` };
}

/** The port is another one in each run, and says nothing. */
function withoutAddress(seen: string): string {
  return seen.replaceAll(/https?:\/\/127\.0\.0\.1:[0-9]+/g, "the server");
}

/** 7: what a client sends while it receives, beside what asking costs. */
export function pushWithoutPolling(facts: ReportFacts): Judgement {
  const [first] = webSocketsOf(facts);
  const row = byteRowOf(first, "receive");
  if (first?.facts === undefined || row === undefined) return notMeasured("a WebSocket");
  const { emptyPollBytes } = facts;
  const polling =
    emptyPollBytes === undefined
      ? ""
      : ` One question by REST that finds nothing new: ${withUnit(emptyPollBytes, "B")}.`;
  const figure = `${first.label}: ${first.facts.push.seen}; the client sent ${withUnit(row.upBytes, "B")} for each message that it received.${polling}`;
  return { verdict: first.facts.push.works && row.upBytes === 0 ? "held" : "did not hold", figure };
}

/** 8: round trips of the set-up, and then no headers in either direction on the one connection. */
export function handshakeThenDuplex(facts: ReportFacts): Judgement {
  const contender = contenderOf(facts, "websocket-json") ?? webSocketsOf(facts)[0];
  const head = headBytesPerMessage(facts, "websocket-json") ?? headBytesPerMessage(facts, "websocket");
  const setUp = byteRowOf(contender, "setUp");
  const many = contender?.facts?.manySends;
  if (contender === undefined || head === undefined || setUp === undefined || many === undefined)
    return notMeasured("a WebSocket");
  const trips = figureOf(facts, "roundTrips", contender.id);
  const figure = `${contender.label}: ${withUnit(setUp.headBytes, "B")} of HTTP and ${trips ?? "?"} round trips to set up, then ${withUnit(head, "B")} of headers for a message sent and received; ${many.seen}.`;
  return { verdict: head === 0 && many.connections === 1 ? "held" : "did not hold", figure };
}

/** 9: memory says that connections are tracked; resuming elsewhere says what that state is worth. */
export function webSocketsAreStateful(facts: ReportFacts): Judgement {
  const contender = contenderOf(facts, "websocket") ?? webSocketsOf(facts)[0];
  const memory = entryOf(facts, "memoryKb", contender?.id);
  const grpc = entryOf(facts, "memoryKb", contenderOf(facts, "grpc")?.id);
  const resume = contender?.facts?.resume;
  if (contender === undefined || resume === undefined) return notMeasured("a WebSocket");
  const held =
    memory === undefined
      ? ""
      : `${withUnit(memory.estimate.value, "KB")} for each idle ${contender.label}${grpc === undefined ? "" : `, ${withUnit(grpc.estimate.value, "KB")} for each idle gRPC stream`}. `;
  const figure = `${held}A client that came back on another connection ${resume.works ? `got ${resume.seen}` : `did not resume (${resume.seen})`}: what it needs is its position, not its old connection. Whether many servers need a Pub/Sub is not measured by one.`;
  return { verdict: resume.works ? "depends" : "held", figure };
}

/** 10: true of unary calls by what they are; a stream is state as a WebSocket is. */
export function grpcIsStateless(facts: ReportFacts): Judgement {
  const grpc = entryOf(facts, "memoryKb", contenderOf(facts, "grpc")?.id);
  const webSocket = entryOf(facts, "memoryKb", contenderOf(facts, "websocket")?.id);
  const many = contenderOf(facts, "grpc")?.facts?.manySends;
  if (grpc === undefined || many === undefined) return notMeasured("the memory of gRPC");
  const beside = webSocket === undefined ? "" : `, beside ${withUnit(webSocket.estimate.value, "KB")} for a WebSocket`;
  const figure = `Unary calls need no state (${many.seen}, each with its own headers). But a client that listens holds a stream: ${withUnit(grpc.estimate.value, "KB")} of the server for each${beside}.`;
  return { verdict: grpc.estimate.value > 0 ? "depends" : "held", figure };
}
