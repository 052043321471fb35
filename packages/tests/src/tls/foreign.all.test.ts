import { overTls } from "./testing/over-tls.js";

overTls([["foreign/grpcio.all", "grpcio"]]);
