import { overTls } from "./testing/over-tls.js";

overTls([
  ["foreign/curl", "curl"],
  ["foreign/grpc-js"],
  ["foreign/grpc-js-converse"],
  ["foreign/connect-node"],
  ["foreign/chromium", "chromium"],
  ["foreign/grpcio.all", "grpcio"],
]);
