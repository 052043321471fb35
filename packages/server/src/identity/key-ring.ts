import type { Algorithm, VerificationKey } from "./keys.js";

/** What a token's header says of its key. */
export interface KeyHint {
  readonly algorithm: string;
  readonly id: string | undefined;
}

/** The keys that verify tokens now. */
export interface KeyRing {
  /**
   * The keys that may have signed a token, best first; none if there is no such key. Later, if they have to be fetched.
   *
   * @throws KEYS_UNAVAILABLE: they cannot be fetched now.
   */
  find(hint: KeyHint): readonly VerificationKey[] | Promise<readonly VerificationKey[]>;
  /** Further keys, for a token that none of those verified. @throws KEYS_UNAVAILABLE */
  findMore?(hint: KeyHint): Promise<readonly VerificationKey[]>;
  /** Whether this key still verifies tokens. */
  holds(key: VerificationKey): boolean;
  /** Changes when keys were taken away: what they have verified has to be verified again. */
  readonly generation: number;
  /** Called for each token, also for one that was verified before: a key may have been taken away since. */
  refreshIfOld(): void;
  close(): void;
}

/** Keys that were read at the start. */
export function fixedKeys(keys: readonly VerificationKey[]): KeyRing {
  return {
    find: (hint) => matching(keys, hint),
    holds: (key) => isAmong(key, keys),
    generation: 0,
    refreshIfOld: () => undefined,
    close: () => undefined,
  };
}

/** Keys of files, and those behind a URL, which are asked for where no key of a file has verified a token. */
export function joinedKeys(files: readonly VerificationKey[], remote: KeyRing): KeyRing {
  return {
    find: (hint) => {
      const found = matching(files, hint);
      return found.length > 0 ? found : remote.find(hint);
    },
    // A key of a file that has the name of the token's key is the only one.
    findMore: async (hint) => {
      const found = matching(files, hint);
      const isNamed = found.some(({ id }) => id !== undefined && id === hint.id);
      return found.length === 0 || isNamed ? [] : remote.find(hint);
    },
    holds: (key) => isAmong(key, files) || remote.holds(key),
    get generation() {
      return remote.generation;
    },
    refreshIfOld: () => remote.refreshIfOld(),
    close: () => remote.close(),
  };
}

/** Whether a key is one of these: by what it is, whatever its name. */
export function isAmong({ key }: VerificationKey, keys: readonly VerificationKey[]): boolean {
  return keys.some((each) => each.key.equals(key));
}

/**
 * The keys that fit a hint. A key is only ever used with its own algorithm, so a public key never serves as a secret of HS256. A token
 * that names its key is not tried with keys of other names.
 */
export function matching(keys: readonly VerificationKey[], { algorithm, id }: KeyHint): readonly VerificationKey[] {
  const wanted: Algorithm | string = algorithm === "Ed25519" ? "EdDSA" : algorithm;
  return keys.filter((key) => key.algorithm === wanted && (id === undefined || key.id === undefined || key.id === id));
}
