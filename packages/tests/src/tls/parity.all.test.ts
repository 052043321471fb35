import { overTls } from "./testing/over-tls.js";

overTls([["matrix/matrix"], ["parity/parity"], ["parity/requests"], ["parity/signals"], ["promises/dead-peers"]]);
