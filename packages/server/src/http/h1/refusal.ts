import { STATUS_CODES } from "node:http";
import type { Fields } from "../exchange.js";

/** What a refused request is answered with. */
export interface Refusal {
  readonly status: number;
  /** Header fields besides those of every refusal. */
  readonly fields?: Fields;
  readonly json: string;
}

/** An HTTP/1.1 response with a body of JSON, after which the connection ends. For `turnAway`. */
export function refusalBytes({ status, fields = {}, json }: Refusal): Buffer {
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Refused"}`,
    ...Object.entries(refusalFields(json)).map(([name, value]) => `${name}: ${value}`),
    ...Object.entries(fields).map(([name, value]) => `${name}: ${value}`),
    "",
    json,
  ];
  return Buffer.from(lines.join("\r\n"));
}

/** The header fields of every refusal. */
export function refusalFields(json: string): Fields {
  return {
    connection: "close",
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(json)),
  };
}
