export { Authenticator } from "./authenticator.js";
export {
  type CertificateUserPlace,
  certificateUserPlaces,
  defaultCertificateUserPlaces,
} from "./certificate-user.js";
export { connectAnswerIn, type HookIdentity } from "./connect-answer.js";
export { ConnectHook } from "./connect-hook.js";
export { loopbackRules, ordinaryRules } from "./default-rules.js";
export { fixedKeys, joinedKeys, type KeyHint, type KeyRing } from "./key-ring.js";
export { KeyError, keysFromFile, secretIn, type VerificationKey } from "./keys.js";
export { RemoteKeys } from "./remote-keys.js";
export { RevokedTokens } from "./revoked-tokens.js";
export { RuleBook } from "./rule-book.js";
export { noStaticRules, type StaticRules, staticRulesFrom } from "./static-rules.js";
export { type TokenRules, TokenVerifier } from "./token.js";
export { TokenLifetimes } from "./token-lifetimes.js";
export { TokenPrincipal } from "./token-principal.js";
