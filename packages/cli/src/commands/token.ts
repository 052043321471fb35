import { createPublicKey } from "node:crypto";
import { limits } from "@confab/contract";
import type { TokenRules, TokenVerifier, VerificationKey } from "@confab/server/tokens";
import { SignJWT } from "jose";
import { type Command, type CommandContext, UsageError } from "../command.js";
import { exitCode } from "../exit-codes.js";
import { durationMs, parseCommandLine, positionals } from "../parse-args.js";
import { inspect, reportLines } from "../token/inspect.js";
import { readFile, readSigningKey, writeNewSecret } from "../token/signing-key.js";

export const token: Command = {
  help: `Usage: confab token --new-key FILE
       confab token --key FILE --user NAME [options]
       confab token --inspect [TOKEN] [--key FILE]

Makes a key, prints a token that it signs, or explains a token. For development and for services: a
team's own users get their tokens from its own login.

      --new-key FILE   make a secret, for confab serve --auth-key FILE and for --key
      --key FILE       the key: a secret (HS256), or a private key in PEM (RS256, ES256, EdDSA).
                       With --inspect: what confab serve --auth-key takes; may be repeated
      --user NAME      who the token is for
      --expires T      90s, 30m, 12h, 7d; default 1h
      --can RULE       what it allows: PATTERN=ACTION,... as in 'team-*=read,send'. PATTERN is a room,
                       or the beginning of names and a *; {user} in it is the user. ACTION is one of
                       read, send, signal, history, members, list, create, edit, delete, send-as,
                       admin; may be repeated. Default: what the server allows to every token
      --cannot RULE    what it forbids, whatever --can says; may be repeated
      --issuer ISS, --audience AUD, --key-id KID, --id JTI
                       claims and header fields of these names
      --inspect        explain the token that is given, or that comes by standard input
      --json           print the report of --inspect as a line of JSON
  -h, --help           this text

Exit codes:
  0    done; with --inspect and --key: the token is accepted
  1    with --inspect and --key: the token is not accepted
  2    wrong usage`,

  async run(args, context) {
    const { values, positionals: words } = parseCommandLine(args, tokenOptions);
    if (values.inspect) return inspectToken(positionals(words, ["TOKEN"])[0], values, context);
    positionals(words, []);
    if (values["new-key"] !== undefined) {
      writeNewSecret(values["new-key"]);
      return exitCode.ok;
    }
    const { token: text, refusal } = await mint(values, Date.now());
    if (refusal !== undefined) await context.err.line(`note: a server with the default limits says: ${refusal}`);
    await context.out.line(text);
    return exitCode.ok;
  },
};

const tokenOptions = {
  "new-key": { type: "string" },
  key: { type: "string", multiple: true },
  user: { type: "string" },
  expires: { type: "string" },
  can: { type: "string", multiple: true },
  cannot: { type: "string", multiple: true },
  issuer: { type: "string" },
  audience: { type: "string", multiple: true },
  "key-id": { type: "string" },
  id: { type: "string" },
  inspect: { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

type Values = ReturnType<typeof parseCommandLine<typeof tokenOptions>>["values"];

/** A token, and why a server that has its key would refuse it. */
async function mint(values: Values, nowMs: number): Promise<{ readonly token: string; readonly refusal?: string }> {
  const [file, more] = values.key ?? [];
  if (file === undefined) throw new UsageError("--key is missing: the file with the key that signs");
  if (more !== undefined) throw new UsageError("--key is given twice: one key signs a token");
  if (values.user === undefined) throw new UsageError("--user is missing: who the token is for");
  const { algorithm, key } = await readSigningKey(file);
  const nowS = Math.floor(nowMs / 1_000);
  const rules = await rulesOf(values);
  const { issuer, audience, id, "key-id": kid } = values;
  const jwt = new SignJWT(rules.length > 0 ? { "confab.rooms": rules } : {})
    .setProtectedHeader({ alg: algorithm, typ: "JWT", ...(kid !== undefined && { kid }) })
    .setSubject(values.user)
    .setIssuedAt(nowS)
    .setExpirationTime(nowS + durationMs("expires", values.expires ?? "1h") / 1_000);
  if (issuer !== undefined) jwt.setIssuer(issuer);
  if (audience) jwt.setAudience([...audience]);
  if (id !== undefined) jwt.setJti(id);
  const token = await jwt.sign(key);
  const publicKey = key.type === "secret" ? key : createPublicKey(key);
  const verifier = await verifierWith([{ id: kid, algorithm, key: publicKey }], { issuer, audience });
  const { reason } = await inspect(token, verifier);
  return { token, ...(reason !== undefined && { refusal: reason }) };
}

/** The server is loaded only to check what it will be asked to take: it takes longer to load than a token to sign. */
async function rulesOf({ can = [], cannot = [] }: Values): Promise<readonly object[]> {
  const rules = [...can.map((text) => ruleFrom("can", text)), ...cannot.map((text) => ruleFrom("cannot", text))];
  if (rules.length === 0) return rules;
  const { RuleError, rulesFrom } = await import("@confab/server/tokens");
  try {
    rulesFrom(rules, "--can and --cannot");
  } catch (error) {
    throw error instanceof RuleError ? new UsageError(error.message, { cause: error }) : error;
  }
  return rules;
}

function ruleFrom(option: "can" | "cannot", text: string): object {
  const at = text.lastIndexOf("=");
  if (at < 1) throw new UsageError(`--${option} ${text}: must be PATTERN=ACTION,ACTION`);
  return { pattern: text.slice(0, at), [option]: text.slice(at + 1).split(",") };
}

async function inspectToken(
  word: string | undefined,
  { key: files = [], issuer, audience, json }: Values,
  { out, stdin }: CommandContext,
): Promise<0 | 1> {
  const text = (word ?? (await textOf(stdin))).trim();
  const verifier = files.length === 0 ? undefined : await verifierOf(files, { issuer, audience });
  const report = await inspect(text, verifier);
  const lines = json ? [JSON.stringify(report)] : reportLines(report, Date.now());
  for (const line of lines) await out.line(line);
  return report.isAccepted === false ? exitCode.refused : exitCode.ok;
}

type Claims = Pick<TokenRules, "issuer" | "audience">;

async function verifierOf(files: readonly string[], claims: Claims): Promise<TokenVerifier> {
  const { KeyError, keysFromFile } = await import("@confab/server/tokens");
  const keys = files.flatMap((file) => {
    try {
      return keysFromFile(readFile(file));
    } catch (error) {
      throw error instanceof KeyError ? new UsageError(`--key ${file}: ${error.message}`, { cause: error }) : error;
    }
  });
  return verifierWith(keys, claims);
}

/** As a server has it that was told nothing else. */
async function verifierWith(keys: readonly VerificationKey[], claims: Claims): Promise<TokenVerifier> {
  const { fixedKeys, TokenVerifier } = await import("@confab/server/tokens");
  const maxLifetimeMs = () => limits.maxTokenLifetimeMs.fallback;
  return new TokenVerifier(fixedKeys(keys), { ...claims, clockToleranceMs: 5_000, maxLifetimeMs }, Date.now);
}

async function textOf(stdin: CommandContext["stdin"]): Promise<string> {
  let text = "";
  for await (const chunk of stdin) {
    text += String(chunk);
    if (text.length > maxInputLength) throw new UsageError("the input is longer than any token");
  }
  return text;
}

const maxInputLength = 100_000;
