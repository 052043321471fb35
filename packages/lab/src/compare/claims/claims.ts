import type { ReportFacts } from "../report/report-facts.js";
import type { Claim, Judgement } from "./claim.js";
import { binaryIsSmaller, latencyIsLower, serialisationIsCheaper } from "./cost.js";
import { grpcForBackends, restFirst, webSocketsForTheWeb } from "./purpose.js";
import {
  browsersNeedAProxy,
  contractIsStrict,
  grpcIsStateless,
  handshakeThenDuplex,
  manyCallsOnOne,
  pushWithoutPolling,
  webSocketsAreStateful,
} from "./shape.js";

/** The claims of a well-read comparison of gRPC and WebSockets, each with the rule that weighs it. */
const claims: readonly (readonly [text: string, judge: (facts: ReportFacts) => Judgement])[] = [
  ["gRPC's binary payload is significantly smaller than JSON", binaryIsSmaller],
  ["therefore gRPC has lower latency", latencyIsLower],
  ["therefore gRPC uses less CPU for serialisation", serialisationIsCheaper],
  ["gRPC gives a strict contract; WebSockets have no formal contract", contractIsStrict],
  ["gRPC multiplexes many calls over one HTTP/2 connection", manyCallsOnOne],
  ["a browser cannot call a gRPC server with fetch; it needs gRPC-Web and a proxy such as Envoy", browsersNeedAProxy],
  ["WebSockets push to the browser without the client asking and without the overhead of polling", pushWithoutPolling],
  ["a WebSocket starts as an HTTP handshake and then stays: full duplex over one TCP connection", handshakeThenDuplex],
  [
    "WebSockets are stateful: the server tracks every open connection, which complicates scaling out; a Pub/Sub such as Redis is needed",
    webSocketsAreStateful,
  ],
  ["gRPC is stateless, per request", grpcIsStateless],
  [
    "gRPC for backend to backend, mobile applications with an API of their own, and wherever performance and contracts are not negotiable",
    grpcForBackends,
  ],
  ["WebSockets for web features with low-latency, two-way updates to the browser", webSocketsForTheWeb],
  ["start with REST; bring in gRPC or WebSockets where they earn it", restFirst],
];

/** Weigh every claim by what was measured. */
export function judgeClaims(facts: ReportFacts): readonly Claim[] {
  return claims.map(([text, judge], index) => ({ number: index + 1, text, ...judge(facts) }));
}
