import { overTls } from "./testing/over-tls.js";

overTls([["promises/resume"], ["promises/shared-connection"], ["promises/slow-readers"], ["sdk/faults"]]);
