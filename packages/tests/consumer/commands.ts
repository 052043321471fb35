// Each name of `@confab/server/tokens`, `/folder` and `/settings`: what commands need that work with a server.
import { type FolderHistory, openFolderHistory } from "@confab/server/folder";
import {
  type CertificateFacts,
  type CertificateUserPlace,
  callerKinds,
  certificateUserPlaces,
  defaultCertificateUserPlaces,
  defaultRetention,
  isLocalOnly,
  type RuleBound,
  roomRulesFrom,
  serverVersion,
} from "@confab/server/settings";
import {
  fixedKeys,
  KeyError,
  keysFromFile,
  RuleError,
  rulesFrom,
  secretIn,
  type TokenRules,
  TokenVerifier,
  type VerificationKey,
} from "@confab/server/tokens";

const folder: FolderHistory = await openFolderHistory("confab-data");
const { messages, newest } = await folder.page({ room: "lobby", limit: 1, after: undefined });
for await (const more of folder.follow("lobby", newest, new AbortController().signal)) console.log(more[0]?.text);

const places: readonly CertificateUserPlace[] = [...certificateUserPlaces, ...defaultCertificateUserPlaces];
const bound: RuleBound | undefined = roomRulesFrom([])[0]?.retention?.maxAgeMs;
const shown = (facts: CertificateFacts | undefined) => facts?.names[0];

try {
  const keys: readonly VerificationKey[] = keysFromFile(Buffer.from("{}"));
  const rules: TokenRules = { clockToleranceMs: 1_000, maxLifetimeMs: () => 1_000 };
  const verifier = new TokenVerifier(fixedKeys(keys), rules, Date.now);
  console.log(rulesFrom([], "rules").length, secretIn(Buffer.from("")), verifier);
} catch (error) {
  if (error instanceof KeyError || error instanceof RuleError) console.log(error.message);
}
console.log(
  messages[0]?.sentAt,
  places,
  bound,
  shown,
  callerKinds,
  defaultRetention,
  isLocalOnly("::1"),
  serverVersion,
);
