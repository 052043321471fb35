import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

/** What is in a certificate that a test issues. */
export interface IssuedFor {
  readonly commonName: string;
  /** Subject alternative names, such as `["uri", "spiffe://a/b"]`. */
  readonly names?: readonly (readonly [kind: "dns" | "uri" | "email", name: string])[];
  /** Default: for clients. Undefined in it: the extension is left out. */
  readonly usage?: "client" | "server" | "any";
  /** Default: an hour ago. */
  readonly validFrom?: Date;
  /** Default: an hour from now. Certificates count whole seconds. */
  readonly validTo?: Date;
}

export interface Issued {
  /** The certificate and its key, in PEM. */
  readonly cert: string;
  readonly key: string;
}

/** An authority that a test makes, with a key that nothing else trusts. */
export class TestAuthority {
  readonly cert: string;
  private readonly pair = newKeyPair();
  private readonly name: Buffer;

  constructor(commonName: string) {
    this.name = nameOf(commonName);
    const subject = { name: this.name, publicKey: this.pair.publicKey };
    this.cert = this.signed(
      subject,
      [hoursFromNow(-1), hoursFromNow(24)],
      [extension(oid.basicConstraints, sequence(der(0x01, Buffer.from([0xff]))))],
    );
  }

  issue({ commonName, names = [], usage = "client", validFrom, validTo }: IssuedFor): Issued {
    const { publicKey, privateKey } = newKeyPair();
    const tags = { email: 0x81, dns: 0x82, uri: 0x86 };
    const extensions = [
      ...(usage === "any" ? [] : [extension(oid.extendedKeyUsage, sequence(oid[usage]))]),
      ...(names.length === 0
        ? []
        : [
            extension(
              oid.alternativeName,
              sequence(...names.map(([kind, name]) => der(tags[kind], Buffer.from(name)))),
            ),
          ]),
    ];
    const dates = [validFrom ?? hoursFromNow(-1), validTo ?? hoursFromNow(1)] as const;
    const cert = this.signed({ name: nameOf(commonName), publicKey }, dates, extensions);
    return { cert, key: privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
  }

  /** RFC 5280 §4.1. */
  private signed(
    { name, publicKey }: { readonly name: Buffer; readonly publicKey: KeyObject },
    [from, to]: readonly [Date, Date],
    extensions: readonly Buffer[],
  ): string {
    const authorityKey = createHash("sha1").update(spki(this.pair.publicKey)).digest();
    const body = sequence(
      der(0xa0, der(0x02, Buffer.from([2]))),
      der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(15)])),
      sequence(oid.ecdsaWithSha256),
      this.name,
      sequence(time(from), time(to)),
      name,
      spki(publicKey),
      der(
        0xa3,
        sequence(
          ...extensions,
          extension(oid.authorityKey, sequence(der(0x80, authorityKey))),
          extension(oid.subjectKey, der(0x04, createHash("sha1").update(spki(publicKey)).digest())),
        ),
      ),
    );
    const signature = sign("sha256", body, this.pair.privateKey);
    const whole = sequence(
      body,
      sequence(oid.ecdsaWithSha256),
      der(0x03, Buffer.concat([Buffer.from([0]), signature])),
    );
    const lines = whole.toString("base64").match(/.{1,64}/g) ?? [];
    return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
  }
}

export function hoursFromNow(hours: number): Date {
  return new Date(Date.now() + hours * 3_600_000);
}

const oid = {
  ecdsaWithSha256: objectId("2a8648ce3d040302"),
  commonName: objectId("550403"),
  basicConstraints: objectId("551d13"),
  extendedKeyUsage: objectId("551d25"),
  alternativeName: objectId("551d11"),
  authorityKey: objectId("551d23"),
  subjectKey: objectId("551d0e"),
  client: objectId("2b06010505070302"),
  server: objectId("2b06010505070301"),
};

function newKeyPair() {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: "spki", format: "der" });
}

function nameOf(commonName: string): Buffer {
  return sequence(der(0x31, sequence(oid.commonName, der(0x0c, Buffer.from(commonName)))));
}

function extension(id: Buffer, value: Buffer): Buffer {
  return sequence(id, der(0x04, value));
}

/** GeneralizedTime: UTCTime ends with 2049. */
function time(date: Date): Buffer {
  return der(0x18, Buffer.from(`${date.toISOString().slice(0, 19).replaceAll(/[-:T]/g, "")}Z`));
}

function objectId(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, "hex"));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

/** A value of DER with its tag and length. */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
