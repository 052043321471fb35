import { allProtocols, callAttacks, costliestProtocols, frameAttacks, routeAttacks } from "./testing/catalogue.js";
import { fairnessSuite } from "./testing/suite.js";

// The sweep of which fairness.test.ts is the most expensive part: every protocol and format.

/** Times as many requests. Signals of one user and errors of a WebSocket are limited, and stay below that. */
const factor = 2;

fairnessSuite("calls in every protocol", callAttacks(allProtocols, factor));
fairnessSuite("routes over HTTP/2", routeAttacks(["h2"], factor));
fairnessSuite("frames in both formats", frameAttacks(["json", "proto"], factor));

const ofUsers = [...callAttacks(costliestProtocols, 5), ...routeAttacks(["h1"], 5), ...frameAttacks(["json"], 2)];
fairnessSuite("the same by a user with a token, who passes the limits", ofUsers, { asUsers: true });
