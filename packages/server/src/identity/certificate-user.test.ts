import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import type { ClientCertificate } from "../http/client-certificate.js";
import { type CertificateUserPlace, defaultCertificateUserPlaces, userOfCertificate } from "./certificate-user.js";

const nowMs = 1_800_000_000_000;
const lifetimeMs = 3_600_000;

const certificate: ClientCertificate = {
  dnsNames: ["Orders.Example"],
  uris: ["spiffe://example/orders"],
  emails: ["orders@example"],
  commonNames: ["Orders"],
  validFromMs: nowMs - 1_000,
  validToMs: nowMs + lifetimeMs,
  fingerprint: "f".repeat(64),
  authoritiesVersion: 0,
};

function credentialOf(
  changes: Partial<ClientCertificate> = {},
  places: readonly CertificateUserPlace[] = defaultCertificateUserPlaces,
) {
  return userOfCertificate({ ...certificate, ...changes }, { places, maxLifetimeMs: () => lifetimeMs }, nowMs);
}

test("a certificate counts as a token without rules, with its fingerprint as id", () => {
  assert.deepEqual(credentialOf(), {
    key: undefined,
    user: "spiffe://example/orders",
    id: "f".repeat(64),
    issuedAtMs: nowMs - 1_000,
    expiresAtMs: nowMs + lifetimeMs,
    rules: undefined,
    isCertificate: true,
  });
});

for (const [what, changes, places, user] of [
  ["a DNS name in lower case where there is no URI", { uris: [] }, undefined, "orders.example"],
  ["an address of e-mail where there is neither", { uris: [], dnsNames: [] }, undefined, "orders@example"],
  ["what stands in the first of the places", {}, ["san-email", "san-uri"], "orders@example"],
  ["the common name where it is asked for", {}, ["subject-cn"], "Orders"],
  ["the next name after a wildcard", { dnsNames: ["*.example", "b.example"] }, ["san-dns"], "b.example"],
  ["a name of 64 characters", { uris: ["u".repeat(64)] }, undefined, "u".repeat(64)],
  ["the next name after one of 65 characters", { uris: ["u".repeat(65), "v"] }, undefined, "v"],
  ["the next name after one without a visible character", { uris: ["", " ", "v"] }, undefined, "v"],
] as const) {
  test(`the user is ${what}`, () => assert.equal(credentialOf(changes, places).user, user));
}

test("a certificate without a name in the places is refused, and the common name does not count by itself", () => {
  assert.throws(
    () => credentialOf({ uris: [], dnsNames: ["*.example"], emails: [] }),
    (error) =>
      error instanceof ConfabError && error.code === "UNAUTHENTICATED" && /--tls-client-user/.test(error.message),
  );
});

test("a certificate that outlives what revocations are kept for is refused, with the limit's name", () => {
  assert.throws(
    () => credentialOf({ validToMs: certificate.validToMs + 1 }),
    (error) =>
      error instanceof ConfabError && error.code === "UNAUTHENTICATED" && /maxTokenLifetimeMs/.test(error.message),
  );
});
